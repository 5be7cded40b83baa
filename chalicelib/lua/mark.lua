-- Note whether the store's memory is nearly used up: nothing new is taken then.
-- KEYS  1 counters
-- ARGV  1 ms for which the mark holds, 0 to take it away
-- Returns 1.
-- First, for a full store's sake (lib/common.lua).
redis.call('HDEL', KEYS[1], 'full_until')
if ARGV[1] ~= '0' then
  redis.call('HSET', KEYS[1], 'full_until', now_ms() + ARGV[1])
end
return 1
