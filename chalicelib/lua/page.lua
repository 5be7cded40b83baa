-- Some of an inbox: what nobody has acknowledged or holds a lease on. Lapsed leases end first.
-- KEYS  1 inbox  2 inbox's leases  3 inbox's bell
-- ARGV  1 sequence behind which the page begins  2 the most entries
-- Returns {id of the bell's last entry, {id, sequence, ...}}.
return_lapsed({inbox = KEYS[1], inbox_leases = KEYS[2]}, now_ms())
local last = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)
return {
  last[1] and last[1][1] or '0-0',
  redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2]),
}
