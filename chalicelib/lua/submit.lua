-- Accept a job, or answer as before when the call is a repeat.
-- KEYS  1 job  2 job's bell  3 ready jobs  4 jobs' bell  5 sequence  6 idempotency (may be absent)
-- ARGV  1 id  2 tenant  3 request  4 max attempts  5 queue length  6 body hash  7 idempotency ms
-- Returns {'queued', created_at, jobs ahead} for an accepted job (first time or repeated),
--         {'known', id, hash} when the idempotency key was used, {'full'} at the cap.
local ids, id = KEYS[6], ARGV[1]
if redis.call('EXISTS', KEYS[1]) == 0 then
  local known = known_by(ids)
  if known then
    return known
  end
  if redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[5]) then
    return {'full'}
  end
  local order = redis.call('INCR', KEYS[5])
  change(KEYS[1], KEYS[2], 'tenant', ARGV[2], 'state', 'queued', 'attempt', 0, 'request', ARGV[3],
    'max_attempts', ARGV[4], 'created_at', now_ms(), 'order', order, 'lease', '')
  -- Push after the record: a claimed id must always be readable.
  redis.call('ZADD', KEYS[3], order, id)
  redis.call('XADD', KEYS[4], 'MAXLEN', 1, '*', 'ready', id)
  if ids then
    redis.call('SET', ids, id .. ' ' .. ARGV[6], 'PX', ARGV[7])
  end
end
return {'queued', redis.call('HGET', KEYS[1], 'created_at'), redis.call('ZRANK', KEYS[3], id)}
