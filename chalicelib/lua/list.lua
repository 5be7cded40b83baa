-- Some of a tenant's API keys, the first to expire first. Those that are kept no more are left out.
-- KEYS  1 the tenant's API keys
-- ARGV  1 when those of the page expire, at the earliest (ms)  2 how many of that very time to pass
--       over  3 the most keys  4 ms that a key is kept after it has expired
-- Returns {now, {id, when it expires (ms), ...}}.
local now = now_ms()
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[4])
local passed = math.min(tonumber(ARGV[2]), redis.call('ZCOUNT', KEYS[1], ARGV[1], ARGV[1]))
return {
  now,
  redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', passed, ARGV[3]),
}
