-- Accept a job, or answer as before when the call is a repeat.
-- KEYS  a job's (lib/job.lua), 26 rate, 27 API key's rate, 28 idempotency (may be absent)
-- ARGV  1 given: id, tenant, key (the API key that asks, or ''), priority, deadline_ms?,
--       max_attempts, model?, hash, traceparent (or ''), rates, bounds  2 request  3 metadata
-- Returns {'queued', created_at, jobs ahead, eta ms or -1, of each rate what is left or -1 and the
--         ms until all is} for an accepted job (first time or repeated; a repeat is told no rates),
--         {'known', id, hash} when the idempotency key was used, {'gone'} for a removed job's id,
--         a refusal of lib/rates.lua, {'memory'}, {'jobs'}, {'key-jobs'}, {'full'} or {'inbox'}.
local now = now_ms()
local place, created_at, rates = nil, now, {}
if redis.call('EXISTS', K.job, K.gone) == 0 then
  local known = known_by(KEYS[28])
  if known then
    return known
  end
  local size = #ARGV[2] + #ARGV[3]
  local buckets = {KEYS[26], KEYS[27], K.bytes_in}
  local costs = {1, 1, size + given.kept_bytes}
  local charged, refusal = arrivals(buckets, given, costs, now)
  if refusal then
    return refusal
  end
  local short, held = lack(now, size, given.key)
  if short then
    return {short}
  end
  charge_all(buckets, given, charged, now, rates)
  local order
  place, order = new_place(given.priority)
  -- Without a bell: nobody waits for version 1.
  redis.call('HSET', K.job, 'tenant', given.tenant, 'state', 'queued', 'attempt', 0,
    'request', ARGV[2], 'metadata', ARGV[3], 'model', given.model or '',
    'priority', given.priority, 'size', size, 'max_attempts', given.max_attempts,
    'allowance', given.max_attempts, 'created_at', now, 'deadline_ms', given.deadline_ms or '',
    'lease', '', 'version', 1, 'place', place, 'key', given.key, 'counted', 1,
    'traceparent', given.traceparent)
  line_up(place, given.deadline_ms, size, given.key, held, now)
  redis.call('ZADD', K.index, order, given.id)
  remember(KEYS[28], given.id, given)
  tally(K.metrics, 'submitted')
elseif redis.call('EXISTS', K.job) == 0 then
  return {'gone'}
else
  place, created_at = field('place'), field('created_at')
end
-- A repeat may come when the job waits no longer.
local ahead = redis.call('ZSCORE', K.queue, place) and ahead_of(K, place) or 0
local eta = eta_ms(K, ahead, given, now) or -1
return {'queued', created_at, ahead, eta, unpack(rates)}
