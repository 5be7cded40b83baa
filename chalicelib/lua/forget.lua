-- Remove an event whose retention is over, or whose record is gone.
-- KEYS  1 event  2 inbox  3 inbox's leases  4 tenant  5 retention of events
-- ARGV  1 id  2 tenant  3 sequence, '' when it is not known  4 1: whatever its retention says
-- Returns 1, or 0 when there was nothing to remove.
local member = ARGV[1] .. ' ' .. ARGV[2]
local record = redis.call('HMGET', KEYS[1], 'sequence', 'size', 'delivered')
if record[1] and ARGV[4] ~= '1' then
  local due = redis.call('ZSCORE', KEYS[5], member)
  if not due or tonumber(due) > now_ms() then
    return 0
  end
end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], leased_as(ARGV[1], record[1] or ARGV[3]))
redis.call('ZREM', KEYS[5], member)
if record[3] == '0' then
  account({tenant = KEYS[4]}, -tonumber(record[2] or 0))
end
return 1
