-- Delete a tenant's turn, and what else names the tenant alone, once it has neither jobs nor events.
-- KEYS  1 jobs  2 inbox  3 inbox's leases  4 turns  5 served  6.. what names the tenant alone
-- ARGV  1 tenant
-- Returns how many there were; 0, too, while the tenant has jobs or events, whose ends the counts
-- are still to be told of.
if redis.call('EXISTS', KEYS[1], KEYS[2], KEYS[3]) > 0 then
  return 0
end
return redis.call('DEL', unpack(KEYS, 6))
  + redis.call('ZREM', KEYS[4], ARGV[1]) + redis.call('ZREM', KEYS[5], ARGV[1])
