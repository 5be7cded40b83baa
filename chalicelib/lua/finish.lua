-- Record what a run came to. A repeat with the same lease changes nothing.
-- KEYS  a job's (lib/job.lua), 26 lease
-- ARGV  1 given: id, tenant, token, outcome ('succeeded', 'failed', 'retry' or 'cancelled'),
--       delay_ms, how an end is kept  2 result  3 error
-- Returns the state the job is in then, or '' when the lease is lost or nobody asked to cancel.
if not holds(given.token) then
  local done = redis.call('HMGET', K.job, 'done_by', 'done_as', 'tenant')
  return done[1] == given.token and done[3] == given.tenant and done[2] or ''
end
local now = now_ms()
local state = given.outcome
if state == 'cancelled' and not cancel_asked() then
  return ''
elseif state == 'retry' then
  state = give_back(given.token, now + given.delay_ms, ARGV[3], now)
  if state == 'queued' then
    tally(K.metrics, 'retried')
  end
else
  local took = now - number(K.job, 'started_at')
  if state == 'succeeded' then
    local run = number(K.counters, 'run_ms')
    -- The mean of late runs, each counting for an eighth.
    local mean = run == 0 and took or run + (took - run) / 8
    redis.call('HSET', K.counters, 'run_ms', math.max(1, mean))
  end
  end_job(state, given.token, {result = ARGV[2], error = ARGV[3]})
  if state == 'succeeded' then
    observe(K.metrics, 'run', took)
  end
end
redis.call('DEL', KEYS[26])
return state
