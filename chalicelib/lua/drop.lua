-- Delete what an erased tenant leaves behind that no count and no list knows of.
-- KEYS  1.. any such keys
-- ARGV  none
-- Returns how many there were.
return redis.call('DEL', unpack(KEYS))
