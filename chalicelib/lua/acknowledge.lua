-- Mark an event as delivered and take it out of the inbox; again is fine.
-- KEYS  1 event  2 inbox
-- ARGV  1 id  2 tenant  3 ms that the record is kept from now
-- Returns 1, or 0 when the tenant has no such event.
local record = redis.call('HMGET', KEYS[1], 'tenant', 'delivered')
if record[1] ~= ARGV[2] then
  return 0
end
if record[2] == '0' then
  redis.call('HSET', KEYS[1], 'delivered', 1)
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return 1
