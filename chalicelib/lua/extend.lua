-- Renew a lease. One that lapsed and was not reclaimed yet is still good.
-- KEYS  1 job  2 leases  3 lease
-- ARGV  1 id  2 token  3 lease ms
-- Returns 1, or 0 when the lease is lost.
if not holds(KEYS[1], ARGV[2]) then
  return 0
end
local lease_end = now_ms() + ARGV[3]
redis.call('ZADD', KEYS[2], lease_end, ARGV[1])
redis.call('SET', KEYS[3], ARGV[1], 'PXAT', lease_end)
return 1
