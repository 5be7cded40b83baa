-- Take a place out of every list that names it although its job is gone or stands elsewhere by now.
-- KEYS  a job's (lib/job.lua)
-- ARGV  1 given: id, tenant, place ('' when only the tenant's index names the job)
-- Returns 1, or 0 for a place that is the job's own.
local own = field('place')
if own and (own == given.place or given.place == '') then
  return 0
end
leave(given.place)
for _, list in ipairs({K.ages, K.deadlines, K.retention, K.dead}) do
  redis.call('ZREM', list, given.place)
end
if redis.call('EXISTS', K.job) == 0 then
  redis.call('DEL', K.bell, K.tokens)
  redis.call('ZREM', K.index, given.id)
end
return 1
