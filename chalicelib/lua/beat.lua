-- A worker tells that it lives; silent ones are forgotten.
-- KEYS  1 workers
-- ARGV  1 name  2 ms after which a silent worker is forgotten
-- Returns 1.
local now = now_ms()
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. now - ARGV[2])
return 1
