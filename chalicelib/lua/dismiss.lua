-- A caller waits no longer.
-- KEYS  1 waiters
-- ARGV  1 name
-- Returns 1.
redis.call('ZREM', KEYS[1], ARGV[1])
return 1
