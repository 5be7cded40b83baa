-- A caller waits no longer.
-- KEYS  1.. waiters, its tenant's too
-- ARGV  1 name
-- Returns 1.
for _, room in ipairs(KEYS) do
  redis.call('ZREM', room, ARGV[1])
end
return 1
