-- A worker tells that it lives and how many jobs it runs at once; silent ones are forgotten.
-- KEYS  1 workers  2 slots  3 counters
-- ARGV  1 name  2 slots, 0 when it ends  3 ms after which a silent worker is forgotten
-- Returns 1.
local function set_slots(name, slots)
  add(KEYS[3], 'slots', slots - number(KEYS[2], name))
  if slots == 0 then
    redis.call('HDEL', KEYS[2], name)
  else
    redis.call('HSET', KEYS[2], name, slots)
  end
end
local now, slots = now_ms(), tonumber(ARGV[2])
if slots == 0 then
  redis.call('ZREM', KEYS[1], ARGV[1])
else
  redis.call('ZADD', KEYS[1], now, ARGV[1])
end
set_slots(ARGV[1], slots)
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. now - ARGV[3])) do
  redis.call('ZREM', KEYS[1], name)
  set_slots(name, 0)
end
return 1
