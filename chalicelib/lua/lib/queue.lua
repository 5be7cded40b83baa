-- The queue of jobs: fair between tenants, priority and then order within one.
--
-- `queue` holds every ready place in one zset whose scores are all 0, so that a tenant's own are a
-- lexical range in the order they run in. `turns` holds the tenants that have any, by the virtual
-- time of their next turn; `served` those that have none left but took their turn lately. A place
-- is "<tenant> <priority> <order> <id>", and names a job in every zset.

local function span(tenant)
  return '[' .. tenant .. ' ', '(' .. tenant .. '!'
end

local function tenant_of(place)
  return string.match(place, '^%S+')
end

local function first_place(keys, tenant)
  local from, to = span(tenant)
  return redis.call('ZRANGEBYLEX', keys.queue, from, to, 'LIMIT', 0, 1)[1]
end

-- Take a tenant without ready jobs off its turn; `tag` is remembered while others wait.
local function retire(keys, tenant, tag)
  redis.call('ZREM', keys.turns, tenant)
  if redis.call('EXISTS', keys.turns) == 0 then
    redis.call('DEL', keys.served)
    redis.call('HDEL', keys.counters, 'clock')
  elseif tag > number(keys.counters, 'clock') then
    redis.call('ZADD', keys.served, tag, tenant)
  end
end

-- Make a place ready, and wake the workers.
local function enqueue(keys, place, now)
  local tenant = tenant_of(place)
  redis.call('ZADD', keys.queue, 0, place)
  redis.call('ZADD', keys.ages, now, place)
  if not redis.call('ZSCORE', keys.turns, tenant) then
    local owed = tonumber(redis.call('ZSCORE', keys.served, tenant) or 0)
    redis.call('ZADD', keys.turns, math.max(number(keys.counters, 'clock'), owed), tenant)
    redis.call('ZREM', keys.served, tenant)
  end
  redis.call('XADD', keys.jobs_bell, 'MAXLEN', 1, '*', 'ready', 1)
end

-- Take a place out unserved: its tenant keeps its turn.
local function dequeue(keys, place)
  if redis.call('ZREM', keys.queue, place) == 0 then
    return
  end
  redis.call('ZREM', keys.ages, place)
  local tenant = tenant_of(place)
  if not first_place(keys, tenant) then
    retire(keys, tenant, tonumber(redis.call('ZSCORE', keys.turns, tenant)))
  end
end

-- Serve the tenant whose turn it is: the place that runs next, or nil.
local function serve(keys)
  local turn = redis.call('ZRANGE', keys.turns, 0, 0, 'WITHSCORES')
  if not turn[1] then
    return nil
  end
  local tenant, tag = turn[1], tonumber(turn[2])
  local place = first_place(keys, tenant)
  if not place then
    retire(keys, tenant, tag)
    return serve(keys)
  end
  redis.call('ZREM', keys.queue, place)
  redis.call('ZREM', keys.ages, place)
  redis.call('HSET', keys.counters, 'clock', tag)
  -- Whoever is owed no more than now would be served at once anyway.
  redis.call('ZREMRANGEBYSCORE', keys.served, '-inf', tag)
  if first_place(keys, tenant) then
    redis.call('ZADD', keys.turns, tag + 1, tenant)
  else
    retire(keys, tenant, tag + 1)
  end
  return place
end

-- How many jobs run before a ready place, if nothing else comes: exact for one tenant, else an
-- estimate that lets every tenant have as many turns.
local function ahead_of(keys, place)
  local tenant = tenant_of(place)
  local from, to = span(tenant)
  local before = redis.call('ZLEXCOUNT', keys.queue, from, '(' .. place)
  local others = redis.call('ZCARD', keys.turns) - 1
  if others == 0 then
    return before
  end
  local own = redis.call('ZLEXCOUNT', keys.queue, from, to)
  local rank = redis.call('ZRANK', keys.turns, tenant)
  return before + math.min(before * others + rank, redis.call('ZCARD', keys.queue) - own)
end

-- How long a job with that many ahead takes from now, by the measured time of a run and the live
-- workers' slots; nil while either is unknown.
local function eta_ms(keys, ahead, given, now)
  local known = redis.call('HMGET', keys.counters, 'run_ms', 'slots')
  local run, slots = tonumber(known[1] or 0), tonumber(known[2] or 0)
  if run == 0 or slots == 0
      or redis.call('ZCOUNT', keys.workers, now - given.silent_ms, '+inf') == 0 then
    return nil
  end
  return math.ceil((math.floor(ahead / slots) + 1) * run)
end
