-- Renew a lease. One that lapsed and was not reclaimed yet is still good.
-- KEYS  1 job  2 leased  3 lease
-- ARGV  1 tenant  2 token  3 lease ms
-- Returns 'held', 'cancel' when somebody asked to cancel the job, 'lost' when the lease is.
local record = redis.call('HMGET', KEYS[1], 'state', 'lease', 'tenant', 'place',
  'cancel_requested')
if record[1] ~= 'running' or record[2] ~= ARGV[2] or record[3] ~= ARGV[1] then
  return 'lost'
end
local lease_end = now_ms() + ARGV[3]
-- First, for a full store's sake (lib/common.lua).
redis.call('ZREM', KEYS[2], record[4])
redis.call('ZADD', KEYS[2], lease_end, record[4])
redis.call('SET', KEYS[3], record[4], 'PXAT', lease_end)
return record[5] == '1' and 'cancel' or 'held'
