-- Second half of a claim: open the record of the place that take.lua put under the lease.
-- KEYS  a job's (lib/job.lua), 26 lease
-- ARGV  1 given: id, tenant, place, token, how an end is kept
-- Returns the record as {field, value, ...}, or {} when the job is not to be worked on (the lease
-- lapsed before this call, or the job is gone or ended).
local now = now_ms()
if not holds(given.token) then
  if redis.call('GET', KEYS[26]) ~= given.place then
    return {}
  end
  -- A clock that goes back may revive a lease's key, but not its place among the leases.
  if not redis.call('ZSCORE', K.leased, given.place) then
    redis.call('DEL', KEYS[26])
    return {}
  end
  local state = field('state')
  if state ~= 'queued' or field('place') ~= given.place or overdue(now) then
    redis.call('DEL', KEYS[26])
    if state == 'queued' and overdue(now) then
      end_job('expired', '', {error = EXPIRED})
    elseif state ~= 'running' then
      -- A job that runs under another lease must lapse with it, or it would run for ever.
      redis.call('ZREM', K.leased, given.place)
    end
    return {}
  end
  redis.call('DEL', K.tokens)
  redis.call('HDEL', K.job, 'first_token_at', 'retry_at', 'cancel_requested')
  local attempt = number(K.job, 'attempt') + 1
  change('state', 'running', 'lease', given.token, 'attempt', attempt,
    'started_at', now, 'appended', 0, 'appended_bytes', 0)
  tally(K.metrics, 'attempts')
  if attempt == 1 then
    observe(K.metrics, 'wait', now - number(K.job, 'created_at'))
  end
end
return redis.call('HGETALL', K.job)
