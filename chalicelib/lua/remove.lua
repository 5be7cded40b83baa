-- Remove an ended job whose retention is over.
-- KEYS  a job's (lib/job.lua)
-- ARGV  1 given: id, tenant, place, tombstone_ms
-- Returns 1, or 0 when there was nothing to remove.
local due = redis.call('ZSCORE', K.retention, given.place)
if not due or tonumber(due) > now_ms() then
  return 0
end
if field('place') == given.place then
  remove()
  return 1
end
-- The record is gone already, by its own expiry.
redis.call('ZREM', K.retention, given.place)
redis.call('ZREM', K.dead, given.place)
redis.call('ZREM', K.index, given.id)
return 0
