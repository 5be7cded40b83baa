-- A worker tells that it lives and how many jobs it runs at once; silent ones are forgotten.
-- KEYS  1 workers  2 slots  3 counters
-- ARGV  1 name  2 slots, 0 when it ends  3 ms after which a silent worker is forgotten
-- Returns 1.
local keys = {workers = KEYS[1], slots = KEYS[2], counters = KEYS[3]}
local now, slots = now_ms(), tonumber(ARGV[2])
if slots == 0 then
  redis.call('ZREM', keys.workers, ARGV[1])
else
  redis.call('ZADD', keys.workers, now, ARGV[1])
end
set_slots(keys, ARGV[1], slots)
forget_silent(keys, now - ARGV[3])
return 1
