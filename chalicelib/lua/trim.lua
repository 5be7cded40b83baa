-- Forget workers that fell silent, and callers that will have left by now.
-- KEYS  1 workers  2 slots  3 counters  4 waiters  5 models
-- ARGV  1 ms after which a silent worker is forgotten
-- Returns how many workers were forgotten.
local keys = {workers = KEYS[1], slots = KEYS[2], counters = KEYS[3], models = KEYS[5]}
local now = now_ms()
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', '(' .. now)
local forgotten = forget_silent(keys, now - ARGV[1])
-- A worker of 0.1.0 forgets silent ones by name alone, one of 0.4.0 by name and slots.
for _, name in ipairs(redis.call('HKEYS', keys.slots)) do
  if not redis.call('ZSCORE', keys.workers, name) then
    set_slots(keys, name, 0)
    forgotten = forgotten + 1
  end
end
for _, name in ipairs(redis.call('HKEYS', keys.models)) do
  if not redis.call('ZSCORE', keys.workers, name) then
    redis.call('HDEL', keys.models, name)
  end
end
return forgotten
