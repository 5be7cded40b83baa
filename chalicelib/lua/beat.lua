-- A worker tells that it lives, how many jobs it runs at once and which models; silent ones are
-- forgotten.
-- KEYS  1 workers  2 slots  3 counters  4 models
-- ARGV  1 name  2 slots, 0 when it ends  3 ms after which a silent worker is forgotten
--       4 models as a JSON list, '[]' for none, '' to leave them as they were told
-- Returns 1.
local keys = {workers = KEYS[1], slots = KEYS[2], counters = KEYS[3], models = KEYS[4]}
local now, slots, models = now_ms(), tonumber(ARGV[2]), ARGV[4]
if slots == 0 then
  redis.call('ZREM', keys.workers, ARGV[1])
else
  redis.call('ZADD', keys.workers, now, ARGV[1])
end
set_slots(keys, ARGV[1], slots)
if models == '[]' then
  redis.call('HDEL', keys.models, ARGV[1])
elseif models ~= '' and slots > 0 then
  redis.call('HSET', keys.models, ARGV[1], models)
end
forget_silent(keys, now - ARGV[3])
return 1
