-- First half of a claim: take the oldest ready id under a lease; open.lua does the rest.
-- KEYS  1 ready jobs  2 leases  3 lease  4 jobs' bell
-- ARGV  1 lease ms
-- Returns {id or '', id of the bell's last entry, lapsed id ...}. Where leases have lapsed
-- nothing is taken: the caller reclaims those first and asks again.
local now = now_ms()
local last = redis.call('XREVRANGE', KEYS[4], '+', '-', 'COUNT', 1)
local bell = last[1] and last[1][1] or '0-0'
local held = redis.call('GET', KEYS[3])
if held then
  return {held, bell}
end
local lapsed = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. now, 'LIMIT', 0, 16)
if lapsed[1] then
  return {'', bell, unpack(lapsed)}
end
local id = redis.call('ZPOPMIN', KEYS[1])[1]
if not id then
  return {'', bell}
end
redis.call('ZADD', KEYS[2], now + ARGV[1], id)
redis.call('SET', KEYS[3], id, 'PXAT', now + ARGV[1])
return {id, bell}
