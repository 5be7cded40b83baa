-- Let a caller wait, if not as many wait already as may; one that waits already may.
-- KEYS  1 waiters  2 its tenant's waiters (absent: no share is heeded)
-- ARGV  1 name  2 the most that may wait  3 ms after which it will have left  4 the most of a tenant
-- Returns 1, or 0 when it is not to wait.
local now = now_ms()
local rooms = {{KEYS[1], tonumber(ARGV[2])}, KEYS[2] and {KEYS[2], tonumber(ARGV[4])}}
for _, room in ipairs(rooms) do
  redis.call('ZREMRANGEBYSCORE', room[1], '-inf', '(' .. now)
end
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  for _, room in ipairs(rooms) do
    if redis.call('ZCARD', room[1]) >= room[2] then
      return 0
    end
  end
end
for _, room in ipairs(rooms) do
  redis.call('ZADD', room[1], now + ARGV[3], ARGV[1])
end
if KEYS[2] then
  -- No tick looks at a tenant's: it goes with the last who will have left.
  local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')[2]
  redis.call('PEXPIREAT', KEYS[2], last)
end
return 1
