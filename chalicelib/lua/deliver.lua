-- A job's answer goes to who waits for it: no later call is to have it.
-- KEYS  1 undelivered
-- ARGV  1 job id  2 waiter
-- Returns 1, also where the job is not listed; 0 where it has another waiter by now.
for _, entry in ipairs(undelivered(KEYS[1])) do
  if entry.id == ARGV[1] then
    return entry.waiter == ARGV[2] and redis.call('HDEL', KEYS[1], ARGV[1]) or 0
  end
end
return 1
