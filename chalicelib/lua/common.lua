-- What several moves share. Each move's file follows this one in the script that is sent.

-- The store's clock, in milliseconds: the only clock that moves go by.
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Every visible change of a job goes through here. The bell's entry carries the new version as
-- its id, so that a waiter who saw version v blocks on "later than v-0" and misses nothing.
local function change(job, bell, ...)
  redis.call('HSET', job, ...)
  local version = redis.call('HINCRBY', job, 'version', 1)
  redis.call('XADD', bell, 'MAXLEN', 1, version .. '-0', 'version', version)
end

-- Whether the lease's token is still the one that may write.
local function holds(job, token)
  local record = redis.call('HMGET', job, 'state', 'lease')
  return record[1] == 'running' and record[2] == token
end

-- What an idempotency key came with before: {'known', id, hash}, or false for a new one or none.
local function known_by(key)
  local known = key and redis.call('GET', key)
  return known and {'known', string.match(known, '^(%S+) (%S*)$')}
end

-- Put an event into an inbox. Record first: an id in an inbox must always be readable.
local function put_event(event, inbox, sequence, fields)
  local order = redis.call('INCR', sequence)
  redis.call('HSET', event, 'tenant', fields.tenant, 'event_type', fields.event_type,
    'source', fields.source, 'payload', fields.payload, 'created_at', fields.now,
    'sequence', order, 'delivered', 0)
  redis.call('PEXPIRE', event, fields.event_ms)
  redis.call('ZADD', inbox, order, fields.id)
  -- Without this the ids in an inbox that nobody reads would outlive their records for ever.
  redis.call('PEXPIRE', inbox, fields.event_ms)
  return order
end

-- End a job and tell its owner, in one step. The event holds no result: an inbox stays small.
-- keys: job, bell, tokens, leases, event, inbox, sequence
-- fields: id, state, token, result, error, event_id, source, result_ms, event_ms
local function end_job(keys, fields)
  local now = now_ms()
  local record = redis.call('HMGET', keys.job, 'tenant', 'attempt')
  change(keys.job, keys.bell, 'state', fields.state, 'lease', '', 'ended_by', fields.token,
    'ended_at', now, 'result', fields.result, 'error', fields.error)
  redis.call('ZREM', keys.leases, fields.id)
  for _, key in ipairs({keys.job, keys.bell, keys.tokens}) do
    redis.call('PEXPIRE', key, fields.result_ms)
  end
  put_event(keys.event, keys.inbox, keys.sequence, {
    id = fields.event_id, tenant = record[1], event_type = 'job.' .. fields.state,
    source = fields.source, now = now, event_ms = fields.event_ms,
    payload = cjson.encode({
      job_id = fields.id, state = fields.state, attempt = tonumber(record[2]),
    }),
  })
end
