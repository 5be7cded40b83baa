-- Second half of a claim: open the record of the id that take.lua put under the lease.
-- KEYS  1 job  2 job's bell  3 leases  4 lease
-- ARGV  1 id  2 token
-- Returns the record as {field, value, ...}, or {} when the id is not to be worked on (its lease
-- lapsed before this call, or the job is gone or ended).
if not holds(KEYS[1], ARGV[2]) then
  if redis.call('GET', KEYS[4]) ~= ARGV[1] then
    return {}
  end
  local record = redis.call('HMGET', KEYS[1], 'state', 'attempt')
  if record[1] ~= 'queued' then
    -- A job that runs under another lease must lapse with it, or it would run for ever.
    if record[1] ~= 'running' then
      redis.call('ZREM', KEYS[3], ARGV[1])
    end
    redis.call('DEL', KEYS[4])
    return {}
  end
  redis.call('HDEL', KEYS[1], 'first_token_at')
  change(KEYS[1], KEYS[2], 'state', 'running', 'lease', ARGV[2], 'attempt', record[2] + 1,
    'started_at', now_ms(), 'appended', 0)
end
return redis.call('HGETALL', KEYS[1])
