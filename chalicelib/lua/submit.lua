-- Accept a job, or answer as before when the call is a repeat.
-- KEYS  a job's (lib/job.lua), 24 rate, 25 idempotency (may be absent)
-- ARGV  1 given: id, tenant, priority, deadline_ms?, max_attempts, model?, hash, bounds
--       2 request  3 metadata
-- Returns {'queued', created_at, jobs ahead, eta ms or -1, calls left or -1, ms until all are}
--         for an accepted job (first time or repeated; a repeat is told no rate),
--         {'known', id, hash} when the idempotency key was used, {'gone'} for a removed job's id,
--         {'rate', ms until a call is allowed}, {'memory'}, {'full'} or {'inbox'} when refused.
local now = now_ms()
local left, reset = -1, -1
if redis.call('EXISTS', K.job) == 0 then
  if redis.call('EXISTS', K.gone) == 1 then
    return {'gone'}
  end
  local known = known_by(KEYS[25])
  if known then
    return known
  end
  local arrival, pause = next_arrival(KEYS[24], given.rate_quota, given.rate_ms, now)
  if pause then
    return {'rate', pause}
  end
  local size = #ARGV[2] + #ARGV[3]
  local short = lack(now, size)
  if short then
    return {short}
  end
  left, reset = charge(KEYS[24], arrival, given.rate_quota, given.rate_ms, now)
  change('tenant', given.tenant, 'state', 'queued', 'attempt', 0, 'request', ARGV[2],
    'metadata', ARGV[3], 'model', given.model or '', 'priority', given.priority, 'size', size,
    'max_attempts', given.max_attempts, 'allowance', given.max_attempts, 'created_at', now,
    'deadline_ms', given.deadline_ms or '', 'lease', '')
  local order = line_up(given.priority, given.deadline_ms, size, now)
  redis.call('ZADD', K.index, order, given.id)
  remember(KEYS[25], given.id, given)
end
local ahead = ahead_of(K, field('place')) or 0
return {'queued', field('created_at'), ahead, eta_ms(K, ahead, given, now) or -1, left, reset}
