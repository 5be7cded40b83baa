-- Remove a job that does not run, input and result; one that waits is cancelled first.
-- KEYS  a job's (lib/job.lua)
-- ARGV  1 given: id, tenant, force (a running one too), how an end is kept
-- Returns 'absent', 'gone' (removed before), 'running', 'old' when it is to be adopted first, or
--         'erased'.
local present = presence()
if present ~= 'found' then
  return present
end
local state = field('state')
if state == 'running' and not given.force then
  return 'running'
elseif state == 'queued' and not field('place') then
  return 'old'
end
if state == 'queued' or state == 'running' then
  end_job('cancelled', '', {})
end
remove(not given.force and state == 'queued')
return 'erased'
