-- Take a job back whose lease has lapsed.
-- KEYS  a job's (lib/job.lua)
-- ARGV  1 given: id, tenant, place, how an end is kept
-- Returns the state the job is in now, or '' when there was nothing to reclaim.
local now = now_ms()
local lease_end = redis.call('ZSCORE', K.leased, given.place)
if not lease_end or tonumber(lease_end) >= now then
  return ''
end
local record = redis.call('HMGET', K.job, 'state', 'place')
if record[2] ~= given.place then
  redis.call('ZREM', K.leased, given.place)
  return ''
end
if record[1] == 'running' then
  local state = give_back('', now, EXHAUSTED, now)
  tally(K.metrics, 'reclaimed')
  return state
end
redis.call('ZREM', K.leased, given.place)
if record[1] == 'queued' then
  enqueue(K, given.place, now)
  return 'queued'
end
return ''
