-- Who works: names by last heartbeat, how many jobs each runs at once, summed in the counters, and
-- the models each tells of.
-- keys: workers, slots, counters, models

local function set_slots(keys, name, slots)
  add(keys.counters, 'slots', slots - number(keys.slots, name))
  if slots == 0 then
    redis.call('HDEL', keys.slots, name)
    redis.call('HDEL', keys.models, name)
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
