-- Some of an inbox: what nobody has acknowledged or holds a lease on. Lapsed leases end first.
-- KEYS  1 inbox  2 inbox's leases  3 inbox's bell
-- ARGV  1 sequence behind which the page begins  2 the most entries
-- Returns {id of the bell's last entry, {id, sequence, ...}, ms until a lease lapses or -1}.
local now = now_ms()
return_lapsed({inbox = KEYS[1], inbox_leases = KEYS[2]}, now)
local next_end = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
local last = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)
return {
  last[1] and last[1][1] or '0-0',
  redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2]),
  next_end and math.max(0, next_end - now) or -1,
}
