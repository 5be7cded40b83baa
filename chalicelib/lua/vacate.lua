-- Delete a tenant's counts, rate, bell and turn once it has neither jobs nor events.
-- KEYS  1 jobs  2 inbox  3 inbox's leases  4 counts  5 rate  6 inbox's bell  7 turns  8 served
-- ARGV  1 tenant
-- Returns how many there were; 0, too, while the tenant has jobs or events, whose ends the counts
-- are still to be told of.
if redis.call('EXISTS', KEYS[1], KEYS[2], KEYS[3]) > 0 then
  return 0
end
return redis.call('DEL', KEYS[4], KEYS[5], KEYS[6])
  + redis.call('ZREM', KEYS[7], ARGV[1]) + redis.call('ZREM', KEYS[8], ARGV[1])
