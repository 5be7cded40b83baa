-- Give a running job back unharmed: it is ready again at once, and the attempt costs nothing.
-- KEYS  a job's (lib/job.lua), 26 lease
-- ARGV  1 given: id, tenant, token, how an end is kept
-- Returns the state the job is in then, or '' when the lease is lost.
-- Not the token alone: a finish under it that comes later is no repeat of this.
local by = 'release ' .. given.token
if not holds(given.token) then
  local done = redis.call('HMGET', K.job, 'done_by', 'done_as', 'tenant')
  local ours = done[1] == by or done[1] == given.token
  return ours and done[3] == given.tenant and done[2] or ''
end
redis.call('HINCRBY', K.job, 'max_attempts', 1)
redis.call('DEL', KEYS[26])
local now = now_ms()
return give_back(by, now, '', now)
