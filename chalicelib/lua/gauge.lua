-- How the queue stands.
-- KEYS  1 ready jobs  2 leases  3 workers
-- ARGV  1 ms after which a silent worker counts as gone
-- Returns {jobs waiting, jobs under lease, live workers}.
return {
  redis.call('ZCARD', KEYS[1]),
  redis.call('ZCARD', KEYS[2]),
  redis.call('ZCOUNT', KEYS[3], now_ms() - ARGV[1], '+inf'),
}
