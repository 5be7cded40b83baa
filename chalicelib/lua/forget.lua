-- Take ids out of an inbox whose events' records have reached the end of their retention.
-- KEYS  1 inbox  2.. events
-- ARGV  1.. ids
-- Returns how many were taken out.
local forgotten = 0
for index, id in ipairs(ARGV) do
  if redis.call('EXISTS', KEYS[index + 1]) == 0 then
    forgotten = forgotten + redis.call('ZREM', KEYS[1], id)
  end
end
return forgotten
