-- Give leased events back unread: they are pending again in their old places.
-- KEYS  1 inbox  2 inbox's leases  3 lease  4 inbox's bell
-- ARGV  1 ms that the bell is kept  2 ms that an emptied lease is remembered
--       3 id ... (none: all that the lease holds)
-- Returns 1, or 0 when the lease has lapsed. An id that the lease does not hold is passed over.
local now = now_ms()
if number(KEYS[3], 'end') < now then
  return 0
end
local ids = {}
for index = 3, #ARGV do
  ids[#ids + 1] = ARGV[index]
end
if not ids[1] then
  ids = redis.call('HKEYS', KEYS[3])
end
local returned = false
for _, id in ipairs(ids) do
  local sequence = id ~= 'end' and redis.call('HGET', KEYS[3], id)
  if sequence and redis.call('ZREM', KEYS[2], leased_as(id, sequence)) == 1 then
    redis.call('ZADD', KEYS[1], sequence, id)
    returned = true
  end
  if sequence then
    redis.call('HDEL', KEYS[3], id)
  end
end
remember_emptied(KEYS[3], now, ARGV[2])
if returned then
  ring({inbox_bell = KEYS[4]}, ARGV[1])
end
return 1
