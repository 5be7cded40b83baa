-- Renew a lease on events.
-- KEYS  1 inbox's leases  2 lease
-- ARGV  1 ms from now  2 ms that a lapsed lease is remembered
-- Returns the end of the lease, or 0 when it has lapsed.
local now = now_ms()
if number(KEYS[2], 'end') < now then
  return 0
end
local until_ms = now + ARGV[1]
redis.call('PEXPIREAT', KEYS[2], until_ms + ARGV[2])
local all = redis.call('HGETALL', KEYS[2])
for index = 1, #all, 2 do
  if all[index] ~= 'end' then
    redis.call('ZADD', KEYS[1], 'XX', until_ms, leased_as(all[index], all[index + 1]))
  end
end
redis.call('HSET', KEYS[2], 'end', until_ms)
remember_emptied(KEYS[2], now, ARGV[2])
return until_ms
