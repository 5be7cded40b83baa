-- Read one job and how it stands.
-- KEYS  a job's (lib/job.lua)
-- ARGV  1 given: id, tenant, silent_ms
-- Returns {'absent'}, {'gone'}, or {'found', now, jobs ahead or -1, eta ms or -1,
--         {field, value ...}}.
local present = presence()
if present ~= 'found' then
  return {present}
end
local now = now_ms()
local record = redis.call('HMGET', K.job, 'state', 'place', 'started_at')
local ahead, eta = nil, nil
if record[1] == 'queued' and record[2] then
  ahead = redis.call('ZSCORE', K.queue, record[2]) and ahead_of(K, record[2])
  eta = ahead and eta_ms(K, ahead, given, now)
elseif record[1] == 'running' then
  eta = eta_ms(K, 0, given, now)
  eta = eta and math.max(0, eta - (now - tonumber(record[3])))
end
return {'found', now, ahead or -1, eta or -1, redis.call('HGETALL', K.job)}
