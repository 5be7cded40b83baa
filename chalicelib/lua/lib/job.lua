-- One job: its keys, named once for every move of it, and how it ends, waits again and is removed.
-- ARGV[1] of each such move is a JSON object of what it needs, `given`.

local K = {
  job = KEYS[1], bell = KEYS[2], tokens = KEYS[3], gone = KEYS[4], index = KEYS[5],
  tenant = KEYS[6], queue = KEYS[7], turns = KEYS[8], served = KEYS[9], ages = KEYS[10],
  delayed = KEYS[11], leased = KEYS[12], deadlines = KEYS[13], retention = KEYS[14],
  dead = KEYS[15], jobs_bell = KEYS[16], counters = KEYS[17], workers = KEYS[18],
  sequence = KEYS[19], event = KEYS[20], inbox = KEYS[21], inbox_bell = KEYS[22],
  event_retention = KEYS[23], bytes_in = KEYS[24], metrics = KEYS[25],
}
local given = cjson.decode(ARGV[1])

-- Why a job failed that no worker ended.
local EXHAUSTED = [[{"code": "attempts_exhausted", ]]
  .. [["detail": "every worker that ran the job was lost"}]]
local EXPIRED = [[{"code": "deadline_exceeded", ]]
  .. [["detail": "the job did not end before its deadline"}]]

local function field(name)
  return redis.call('HGET', K.job, name)
end

-- Every visible change of a job goes through here. The bell's entry carries the new version as
-- its id, so that a waiter who saw version v blocks on "later than v-0" and misses nothing. A new
-- job has none: nobody waits for version 1, and the shortest stream takes 4 KiB.
local function change(...)
  redis.call('HSET', K.job, ...)
  local version = redis.call('HINCRBY', K.job, 'version', 1)
  if version > 1 then
    redis.call('XADD', K.bell, 'MAXLEN', 1, version .. '-0', 'version', version)
  end
end

-- Whether the job is the tenant's: 'found', 'gone' or 'absent'.
local function presence()
  if field('tenant') == given.tenant then
    return 'found'
  end
  return redis.call('GET', K.gone) == given.tenant and 'gone' or 'absent'
end

-- Whether the lease's token is still the one that may write.
local function holds(token)
  local record = redis.call('HMGET', K.job, 'state', 'lease', 'tenant')
  return record[1] == 'running' and record[2] == token and record[3] == given.tenant
end

local function cancel_asked()
  return field('cancel_requested') == '1'
end

local function overdue(now)
  local deadline = field('deadline_at')
  return deadline and tonumber(deadline) <= now
end

-- Count an end in the minute it fell into; the one before is kept to smooth the rate.
local function count_end(now)
  local minute = math.floor(now / 60000)
  local known = number(K.counters, 'minute')
  if minute ~= known then
    local before = minute == known + 1 and number(K.counters, 'this_minute') or 0
    redis.call('HSET', K.counters, 'minute', minute, 'last_minute', before, 'this_minute', 0)
  end
  redis.call('HINCRBY', K.counters, 'this_minute', 1)
end

-- Count a job that has not ended for the API key that asked for it, or with -1 no longer.
local function account_key(sign, key, size)
  add(K.tenant, 'jobs:' .. key, sign)
  add(K.tenant, 'bytes:' .. key, sign * size)
end

-- Count a job no longer. `key` is '' where none asked for it.
local function uncount_job(key, size)
  add(K.tenant, 'jobs', -1)
  add(K.tenant, 'bytes', -size)
  if key ~= '' then
    account_key(-1, key, size)
  end
end

-- Count an ended job no longer that a release ended which knew of no counts; whether it was one.
local function settle_job()
  local record = redis.call('HMGET', K.job, 'counted', 'key', 'size')
  if record[1] then
    redis.call('HDEL', K.job, 'counted')
    uncount_job(record[2], tonumber(record[3]))
  end
  return record[1]
end

-- The tenant's bytes in its inbox, its jobs that have not ended and their bytes.
local function held_by_tenant()
  return redis.call('HMGET', K.tenant, 'inbox', 'jobs', 'bytes')
end

-- Take the job out of wherever it waits or runs.
local function leave(place)
  dequeue(K, place)
  redis.call('ZREM', K.delayed, place)
  redis.call('ZREM', K.leased, place)
end

-- End the job and tell its owner, in one step. The event holds no result: an inbox stays small.
-- by: the lease's token as the move writes it, '' when no worker ended the job.
-- outcome: {result = text, error = text}
local function end_job(state, by, outcome)
  local now = now_ms()
  local record = redis.call('HMGET', K.job, 'place', 'size', 'counted', 'key', 'appended_bytes',
    'attempt')
  local place = record[1] or string.format('%s - - %s', given.tenant, given.id) -- 0.1.0
  local size = tonumber(record[2] or 0)
  leave(place)
  redis.call('ZREM', K.deadlines, place)
  redis.call('HDEL', K.job, 'retry_at', 'cancel_requested', 'counted')
  change('state', state, 'lease', '', 'done_by', by, 'done_as', state, 'ended_at', now,
    'result', outcome.result or '', 'error', outcome.error or '')
  add(K.counters, 'bytes', -size)
  if record[3] then
    uncount_job(record[4], size)
  end
  -- What the model said is kept twice: as the result, and for those who read along.
  local streamed = tonumber(record[5] or 0)
  streamed = streamed > 0 and streamed + given.stream_bytes or 0
  owe(K.bytes_in, given, #(outcome.result or '') + #(outcome.error or '') + streamed, now)
  count_end(now)
  tally(K.metrics, 'ended:' .. state)
  redis.call('ZADD', K.retention, now + given.result_ms, place)
  for _, key in ipairs({K.job, K.tokens}) do
    redis.call('PEXPIRE', key, given.result_ms + given.backstop_ms)
  end
  -- For those who looked before this and wait; whoever looks from now on has no need to.
  redis.call('PEXPIRE', K.bell, given.bell_ms)
  put_event(K, {
    id = given.event_id, reserved = given.reserve, tenant = given.tenant, event_type = 'job.' .. state,
    source = given.source, attributes = '', now = now, event_ms = given.event_ms,
    backstop_ms = given.backstop_ms, overhead = given.overhead,
    payload = cjson.encode({
      job_id = given.id, state = state, attempt = tonumber(record[6]),
    }),
  })
end

-- Let the job wait for another attempt from `at` on. `by` and why as for end_job.
local function wait_again(by, at, now)
  local place = field('place')
  redis.call('ZREM', K.leased, place)
  if at > now then
    change('state', 'queued', 'lease', '', 'done_by', by, 'done_as', 'queued', 'retry_at', at)
    redis.call('ZADD', K.delayed, at, place)
  else
    redis.call('HDEL', K.job, 'retry_at')
    change('state', 'queued', 'lease', '', 'done_by', by, 'done_as', 'queued')
    enqueue(K, place, now)
  end
end

-- What becomes of a running job whose attempt came to nothing; returns the state it is in then.
local function give_back(by, at, error, now)
  if cancel_asked() then
    end_job('cancelled', by, {})
    return 'cancelled'
  end
  if overdue(now) then
    end_job('expired', by, {error = EXPIRED})
    return 'expired'
  end
  if number(K.job, 'attempt') < number(K.job, 'max_attempts') then
    wait_again(by, at, now)
    return 'queued'
  end
  end_job('failed', by, {error = error})
  redis.call('ZADD', K.dead, redis.call('INCR', K.sequence), field('place'))
  tally(K.metrics, 'dead')
  return 'failed'
end

-- Whether one more job is too many beside those that are counted; a bound of 0 is none.
local function too_many(jobs, bytes, size, most_jobs, most_bytes)
  return most_jobs > 0 and tonumber(jobs or 0) >= most_jobs
    or most_bytes > 0 and tonumber(bytes or 0) + size > most_bytes
end

-- Whether there is no room for one more job that the API key asks for: what is short, or nil and
-- what the tenant holds.
local function lack(now, size, key)
  local all = redis.call('HMGET', K.counters, 'full_until', 'bytes')
  if tonumber(all[1] or 0) > now then
    return 'memory'
  end
  local held = held_by_tenant()
  if too_many(held[2], held[3], size, given.tenant_length, given.tenant_bytes) then
    return 'jobs'
  end
  local of_key = key ~= '' and redis.call('HMGET', K.tenant, 'jobs:' .. key, 'bytes:' .. key)
  if of_key and too_many(of_key[1], of_key[2], size, given.key_length, given.key_bytes) then
    return 'key-jobs'
  end
  local waiting = redis.call('ZCARD', K.queue) + redis.call('ZCARD', K.delayed)
  if waiting >= given.queue_length
      or tonumber(all[2] or 0) + size > given.queue_bytes then
    return 'full'
  end
  if tonumber(held[1] or 0) + given.reserve > given.inbox_bytes then
    return 'inbox'
  end
  return nil, held
end

-- A place behind all others of the tenant and the priority, and its order.
local function new_place(priority)
  local order = redis.call('INCR', K.sequence)
  return string.format('%s %d %016d %s', given.tenant, priority, order, given.id), order
end

-- Queue the job, whose record says the place and that the job is counted, and for which API key.
-- held: what the tenant holds so far
local function line_up(place, deadline_ms, size, key, held, now)
  redis.call('HSET', K.tenant, 'inbox', (held[1] or 0) + given.reserve, 'jobs', (held[2] or 0) + 1,
    'bytes', (held[3] or 0) + size)
  if key ~= '' then
    account_key(1, key, size)
  end
  if deadline_ms then
    redis.call('HSET', K.job, 'deadline_at', now + deadline_ms)
    redis.call('ZADD', K.deadlines, now + deadline_ms, place)
  end
  add(K.counters, 'bytes', size)
  -- Push after the record: a claimed id must always be readable.
  enqueue(K, place, now)
end

-- Remove an ended job but for its tombstone. A bell that was rung in the same script is left to
-- expire: deleted there, it would wake nobody.
local function remove(rung)
  local place = field('place') or '' -- 0.1.0 knew none
  settle_job()
  redis.call('DEL', K.job, K.tokens)
  if not rung then
    redis.call('DEL', K.bell)
  end
  redis.call('ZREM', K.retention, place)
  redis.call('ZREM', K.dead, place)
  redis.call('ZREM', K.index, given.id)
  redis.call('SET', K.gone, given.tenant, 'PX', given.tombstone_ms)
end
