-- Take over a job that 0.1.0 queued, or that one of its workers ran and let lapse.
-- KEYS  a job's (lib/job.lua), 26 ready jobs of 0.1.0, 27 leases of 0.1.0
-- ARGV  1 given: id, tenant, priority, model, metadata, how an end is kept
-- Returns the state the job is in now, or '' when there was nothing to adopt.
local now = now_ms()
local lease_end = redis.call('ZSCORE', KEYS[27], given.id)
local lapsed = lease_end and tonumber(lease_end) < now
if not lapsed and not redis.call('ZSCORE', KEYS[26], given.id) then
  return ''
end
redis.call('ZREM', KEYS[26], given.id)
if lapsed then
  redis.call('ZREM', KEYS[27], given.id)
elseif lease_end then
  return ''
end
local record = redis.call('HMGET', K.job, 'state', 'request', 'max_attempts', 'order', 'tenant')
local under_way = record[1] == 'queued' or record[1] == 'running'
if record[5] ~= given.tenant or not under_way or field('place') then
  return ''
end
local place = new_place(given.priority)
redis.call('HSET', K.job, 'place', place, 'key', '', 'counted', 1, 'metadata', given.metadata,
  'model', given.model, 'priority', given.priority, 'size', #record[2], 'allowance', record[3],
  'deadline_ms', '')
line_up(place, nil, #record[2], '', held_by_tenant(), now)
redis.call('ZADD', K.index, record[4], given.id)
if record[1] == 'running' then
  dequeue(K, place)
  return give_back('', now, EXHAUSTED, now)
end
return 'queued'
