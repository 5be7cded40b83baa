-- Cancel a job that waits; ask the worker of one that runs. Again is fine.
-- KEYS  a job's (lib/job.lua)
-- ARGV  1 given: id, tenant, how an end is kept
-- Returns 'absent', 'gone', 'old' when it is to be adopted first, or the state that the job is in
--         now.
local present = presence()
if present ~= 'found' then
  return present
end
local state = field('state')
if state == 'queued' and not field('place') then
  return 'old'
elseif state == 'queued' then
  end_job('cancelled', '', {})
  return 'cancelled'
end
if state == 'running' and not cancel_asked() then
  change('cancel_requested', 1)
end
return state
