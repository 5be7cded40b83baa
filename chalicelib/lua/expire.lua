-- End a job whose deadline has passed, wherever it stands.
-- KEYS  a job's (lib/job.lua)
-- ARGV  1 given: id, tenant, place, how an end is kept
-- Returns 'expired', or '' when there was nothing to expire.
local record = redis.call('HMGET', K.job, 'state', 'place')
if record[2] ~= given.place or (record[1] ~= 'queued' and record[1] ~= 'running') then
  redis.call('ZREM', K.deadlines, given.place)
  return ''
end
if not overdue(now_ms()) then
  return ''
end
end_job('expired', '', {error = EXPIRED})
return 'expired'
