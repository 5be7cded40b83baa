-- What every move shares. A move's script is this file, the libraries it names, and its own file.

-- The store's clock, in milliseconds: the only clock that moves go by.
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- A store whose memory is used up refuses a script whose first write may need some, and lets the
-- rest of a script pass that wrote before. What goes on there begins with a write that needs none.

-- Add to a count, which leaves no trace at zero.
local function add(hash, field, amount)
  if amount ~= 0 and redis.call('HINCRBY', hash, field, amount) == 0 then
    redis.call('HDEL', hash, field)
  end
end

local function number(hash, field)
  return tonumber(redis.call('HGET', hash, field) or 0)
end

-- What an idempotency key came with before: {'known', id, hash}, or false for a new one or none.
local function known_by(key)
  local known = key and redis.call('GET', key)
  return known and {'known', string.match(known, '^(%S+) (%S*)$')}
end

-- Remember what an idempotency key stands for.
local function remember(key, id, given)
  if key then
    redis.call('SET', key, id .. ' ' .. given.hash, 'PX', given.idempotency_ms)
  end
end

-- A rate by the generic cell rate algorithm: one number, the time at which the bucket is empty
-- again; now at the earliest. None is later than `most_ms` from now unless it was charged by a clock
-- that was ahead of this one.
local function emptied(key, most_ms, now)
  local at = tonumber(redis.call('GET', key) or 0)
  return at > now + most_ms + 1 and now or math.max(at, now)
end

-- That time after one more call, or nil, the milliseconds until one is allowed and those until the
-- bucket is empty; nothing for a quota of 0, which is no limit. A call costs 1 or `cost`, of which
-- more than the bucket holds takes all of it; a rate may be in debt for `debt_ms`.
local function next_arrival(key, quota, window_ms, now, cost, debt_ms)
  if quota == 0 then
    return nil
  end
  local before = emptied(key, window_ms + (debt_ms or 0), now)
  local arrival = before + window_ms / quota * math.min(cost or 1, quota)
  -- A tenth of a millisecond: sums of steps are not exact.
  if arrival - now > window_ms + 0.1 then
    return nil, math.ceil(arrival - window_ms - now), math.ceil(before - now)
  end
  return arrival
end

-- Charge the rate: the calls left at once and the milliseconds until all are; -1 without a limit.
-- A full store refuses the charge where it is the first write: nothing is charged then.
local function charge(key, arrival, quota, window_ms, now)
  if not arrival then
    return -1, -1
  end
  local used = arrival - now
  redis.pcall('SET', key, string.format('%.3f', arrival), 'PX', math.max(1, math.ceil(used)))
  local left = math.floor((window_ms - used) * quota / window_ms + 0.001)
  return math.max(0, left), math.ceil(used)
end

-- Whether the tick found the store's memory nearly used up a short while ago.
local function nearly_full(counters, now)
  return number(counters, 'full_until') > now
end
