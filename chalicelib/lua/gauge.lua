-- How the queue stands.
-- KEYS  1 queue  2 ages  3 delayed  4 leased  5 dead  6 workers  7 slots  8 counters
-- ARGV  1 ms after which a silent worker counts as gone
-- Returns {waiting, delayed, leased, dead, live workers, their slots, age ms of the oldest or -1,
--          ends per minute * 1000, mean run ms or -1, bytes}.
local now = now_ms()
local oldest = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
local live = redis.call('ZRANGEBYSCORE', KEYS[6], now - ARGV[1], '+inf')
local slots = 0
for _, name in ipairs(live) do
  slots = slots + number(KEYS[7], name)
end
local minute, part = math.floor(now / 60000), now % 60000 / 60000
local known, this, last = number(KEYS[8], 'minute'), number(KEYS[8], 'this_minute'), 0
if known == minute then
  last = number(KEYS[8], 'last_minute')
else
  this, last = 0, known == minute - 1 and this or 0
end
local run = number(KEYS[8], 'run_ms')
return {
  redis.call('ZCARD', KEYS[1]), redis.call('ZCARD', KEYS[3]), redis.call('ZCARD', KEYS[4]),
  redis.call('ZCARD', KEYS[5]), #live, slots, oldest and now - oldest or -1,
  math.floor((last * (1 - part) + this) * 1000), run == 0 and -1 or math.ceil(run),
  number(KEYS[8], 'bytes'),
}
