-- Remove an event whose retention is over, or whose record is gone.
-- KEYS  1 event  2 inbox  3 inbox's leases  4 tenant  5 retention of events
-- ARGV  1 id  2 tenant  3 bytes it is kept with, '' when not known  4 sequence, '' when not known
--       5 1: whatever its retention says
-- Returns 1, or 0 when there was nothing to remove.
local keys = {tenant = KEYS[4], event_retention = KEYS[5]}
local id, tenant = ARGV[1], ARGV[2]
local record = redis.call('HMGET', KEYS[1], 'sequence', 'size')
if record[1] and ARGV[5] ~= '1' then
  local due = redis.call('ZSCORE', keys.event_retention, kept_as(id, tenant, ARGV[3]))
  if not due or tonumber(due) > now_ms() then
    return 0
  end
end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], id)
redis.call('ZREM', KEYS[3], leased_as(id, record[1] or ARGV[4]))
for _, bytes in ipairs({ARGV[3], record[2] or 0, 0}) do
  settle(keys, id, tenant, bytes)
end
return 1
