-- Lease the oldest pending events of an inbox. The same token again answers what it still holds.
-- KEYS  1 inbox  2 inbox's leases  3 lease
-- ARGV  1 the most events  2 ms  3 ms that a lapsed lease is remembered
-- Returns {end of the lease, id, sequence, ...}, or {} when the token's lease has lapsed.
local keys = {inbox = KEYS[1], inbox_leases = KEYS[2]}
local now = now_ms()
return_lapsed(keys, now)
local until_ms = redis.call('HGET', KEYS[3], 'end')
if until_ms then
  if tonumber(until_ms) < now then
    return {}
  end
  local held = {}
  local all = redis.call('HGETALL', KEYS[3])
  for index = 1, #all, 2 do
    if all[index] ~= 'end' then
      held[#held + 1] = {all[index], tonumber(all[index + 1])}
    end
  end
  table.sort(held, function(a, b) return a[2] < b[2] end)
  local answer = {tonumber(until_ms)}
  for _, each in ipairs(held) do
    answer[#answer + 1] = each[1]
    answer[#answer + 1] = each[2]
  end
  return answer
end
until_ms = now + ARGV[2]
local answer = {until_ms}
local taken = redis.call('ZPOPMIN', keys.inbox, tonumber(ARGV[1]))
for index = 1, #taken, 2 do
  local id, sequence = taken[index], taken[index + 1]
  redis.call('ZADD', keys.inbox_leases, until_ms, leased_as(id, sequence))
  redis.call('HSET', KEYS[3], id, sequence)
  answer[#answer + 1] = id
  answer[#answer + 1] = tonumber(sequence)
end
-- A token that took nothing is as new as before: no store fills with looks at an empty inbox.
if taken[1] then
  redis.call('HSET', KEYS[3], 'end', until_ms)
  redis.call('PEXPIREAT', KEYS[3], until_ms + ARGV[3])
end
return answer
