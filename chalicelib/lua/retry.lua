-- Queue a job again that failed or expired. A repeat with the same version changes nothing.
-- KEYS  a job's (lib/job.lua), 26 rate, 27 API key's rate
-- ARGV  1 given: id, tenant, version, dead_only (whether it must be a dead letter), rates, bounds,
--       key (the API key that asks, or ''), what a job of 0.1.0 lacks: priority, max_attempts
-- Returns {'queued', of each rate what is left or -1 and the ms until all is} when it waits again (a
--         repeat is told no rates), {'absent'}, {'gone'}, {'other'} when it is in no state to,
--         {'version'} when it has changed since, a refusal of lib/rates.lua, or, when there is no
--         room, {'memory'}, {'jobs'}, {'key-jobs'}, {'full'} or {'inbox'}.
local present = presence()
if present ~= 'found' then
  return {present}
end
if tonumber(field('retried_from')) == given.version then
  return {'queued'}
end
local record = redis.call('HMGET', K.job, 'state', 'version', 'place', 'priority')
if record[1] ~= 'failed' and record[1] ~= 'expired' then
  return {'other'}
end
if tonumber(record[2]) ~= given.version then
  return {'version'}
end
if given.dead_only and not redis.call('ZSCORE', K.dead, record[3] or '') then
  return {'other'}
end
local now, old = now_ms(), not record[3] -- ended under 0.1.0, which kept none of these
local size = old and #field('request') or number(K.job, 'size')
-- It is kept as long again as a new one, and ends with another event: it costs as much.
local buckets, rates = {KEYS[26], KEYS[27], K.bytes_in}, {}
local charged, refusal = arrivals(buckets, given, {1, 1, size + given.kept_bytes}, now)
if refusal then
  return refusal
end
local short, held = lack(now, size, given.key)
if short then
  return {short}
end
if old then
  redis.call('HSET', K.job, 'size', size, 'priority', given.priority)
  redis.call('ZADD', K.index, field('order'), given.id)
  record[3], record[4] = '', given.priority
end
redis.call('ZREM', K.retention, record[3])
redis.call('ZREM', K.dead, record[3])
-- Behind a write that needs no memory: a full store, which lets the rest pass, charges it, too.
charge_all(buckets, given, charged, now, rates)
for _, key in ipairs({K.job, K.bell, K.tokens}) do
  redis.call('PERSIST', key)
end
redis.call('HDEL', K.job, 'started_at', 'first_token_at', 'ended_at', 'result', 'error',
  'done_by', 'done_as', 'deadline_at', 'appended_bytes')
if settle_job() then
  held = held_by_tenant()
end
local place = new_place(tonumber(record[4]))
change('state', 'queued', 'retried_from', given.version, 'place', place, 'key', given.key,
  'counted', 1,
  'max_attempts', number(K.job, 'attempt') + tonumber(field('allowance') or given.max_attempts))
line_up(place, tonumber(field('deadline_ms')), size, given.key, held, now)
tally(K.metrics, 'rerun')
return {'queued', unpack(rates)}
