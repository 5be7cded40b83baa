-- End an API key, at once or after a grace; again is fine.
-- KEYS  1 the key's record  2 the tenant's API keys that open anything
-- ARGV  1 ms of grace  2 the key's id
-- Returns 1; 0 when there is no such key.
local now = now_ms()
local record = redis.call('HMGET', KEYS[1], 'ends_at', 'expires_at', 'revoked_at')
if not record[1] then
  return 0
end
local ends, revoked = now + ARGV[1], record[3]
-- Never later than it was to end before.
if tonumber(record[1]) > now and (revoked == '' or ends < tonumber(revoked)) then
  -- The first write needs no memory: a key can be revoked while the store is full.
  redis.call('HDEL', KEYS[1], 'ends_at')
  ends = math.min(ends, tonumber(record[2]))
  redis.call('HSET', KEYS[1], 'ends_at', ends, 'revoked_at', now + ARGV[1])
  redis.call('ZADD', KEYS[2], 'XX', ends, ARGV[2])
end
return 1
