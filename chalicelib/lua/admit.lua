-- Let a caller wait, if not as many wait already as may; one that waits already may.
-- KEYS  1 waiters
-- ARGV  1 name  2 the most that may wait  3 ms after which it will have left
-- Returns 1, or 0 when it is not to wait.
local now = now_ms()
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. now)
local known = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not known and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
  return 0
end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
return 1
