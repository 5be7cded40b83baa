-- Who works: names by last heartbeat, and how many jobs each runs at once, summed in the counters.
-- keys: workers, slots, counters

local function set_slots(keys, name, slots)
  add(keys.counters, 'slots', slots - number(keys.slots, name))
  if slots == 0 then
    redis.call('HDEL', keys.slots, name)
  else
    redis.call('HSET', keys.slots, name, slots)
  end
end

-- Forget who has been silent since `before`; returns how many.
local function forget_silent(keys, before)
  local silent = redis.call('ZRANGEBYSCORE', keys.workers, '-inf', '(' .. before)
  for _, name in ipairs(silent) do
    redis.call('ZREM', keys.workers, name)
    set_slots(keys, name, 0)
  end
  return #silent
end
