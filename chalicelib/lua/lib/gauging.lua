-- How the queue stands.
-- keys: queue, ages, delayed, leased, dead, workers, slots, counters

-- {waiting, delayed, leased, dead, live workers, their slots, age ms of the oldest or -1,
--  ends per minute * 1000, mean run ms or -1, bytes}
local function gauged(keys, silent_ms)
  local now = now_ms()
  local oldest = redis.call('ZRANGE', keys.ages, 0, 0, 'WITHSCORES')[2]
  local live = redis.call('ZRANGEBYSCORE', keys.workers, now - silent_ms, '+inf')
  local slots = 0
  for _, name in ipairs(live) do
    slots = slots + number(keys.slots, name)
  end
  local minute, part = math.floor(now / 60000), now % 60000 / 60000
  local known, this, last = number(keys.counters, 'minute'), number(keys.counters, 'this_minute'), 0
  if known == minute then
    last = number(keys.counters, 'last_minute')
  else
    this, last = 0, known == minute - 1 and this or 0
  end
  local run = number(keys.counters, 'run_ms')
  return {
    redis.call('ZCARD', keys.queue), redis.call('ZCARD', keys.delayed),
    redis.call('ZCARD', keys.leased), redis.call('ZCARD', keys.dead), #live, slots, oldest and now - oldest or -1,
    math.floor((last * (1 - part) + this) * 1000), run == 0 and -1 or math.ceil(run),
    number(keys.counters, 'bytes'),
  }
end

local function queue_keys()
  return {
    queue = KEYS[1], ages = KEYS[2], delayed = KEYS[3], leased = KEYS[4], dead = KEYS[5],
    workers = KEYS[6], slots = KEYS[7], counters = KEYS[8],
  }
end
