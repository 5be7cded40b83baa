-- First half of a claim: put the job whose turn it is under a lease; open.lua does the rest.
-- KEYS  1 queue  2 turns  3 served  4 ages  5 delayed  6 leased  7 deadlines  8 jobs' bell
--       9 counters  10 lease  11 ready jobs of 0.1.0  12 leases of 0.1.0
-- ARGV  1 lease ms
-- Returns {place or '', id of the bell's last entry, {verb and place ...}}: what is due for a move
-- of its own, some at a time ('reclaim', 'expire' or 'adopt', a space, the place or old id).
local keys = {
  queue = KEYS[1], turns = KEYS[2], served = KEYS[3], ages = KEYS[4], delayed = KEYS[5],
  leased = KEYS[6], deadlines = KEYS[7], jobs_bell = KEYS[8], counters = KEYS[9],
}
local now = now_ms()
for _, place in ipairs(redis.call('ZRANGEBYSCORE', keys.delayed, '-inf', now, 'LIMIT', 0, 64)) do
  redis.call('ZREM', keys.delayed, place)
  enqueue(keys, place, now)
end
local due = due_moves(keys.leased, keys.deadlines, KEYS[11], KEYS[12], now, 16)
local last = redis.call('XREVRANGE', keys.jobs_bell, '+', '-', 'COUNT', 1)
local bell = last[1] and last[1][1] or '0-0'
local place = redis.call('GET', KEYS[10]) or serve(keys)
if not place then
  return {'', bell, due}
end
if redis.call('EXISTS', KEYS[10]) == 0 then
  redis.call('ZADD', keys.leased, now + ARGV[1], place)
  redis.call('SET', KEYS[10], place, 'PXAT', now + ARGV[1])
end
return {place, bell, due}
