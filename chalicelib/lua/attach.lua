-- Say which job a call waits for: a new one, or where it is a retry the oldest that nobody was told
-- the answer of and nobody waits for. Where there is none it may be one whose answer was told a
-- moment ago, the latest: a reply that was lost was not delivered, and who tries again does so soon.
-- The waiter's own call, repeated, answers as before.
-- KEYS  1 undelivered
-- ARGV  1 given: id (of the new job), waiter, retried, live_ms (how long it waits), live_most_ms (how
--       long any does, or is told), kept_ms, most
-- Returns {id, 1 where the job was asked for before, else 0}.
local given = cjson.decode(ARGV[1])
local now = now_ms()
local own, oldest, latest = nil, nil, nil
local told, left, listed = {}, {}, 0
for _, entry in ipairs(undelivered(KEYS[1])) do
  -- None lasts for so long: it was written by a clock that was ahead of this one.
  local over = entry.till <= now or entry.till > now + given.live_most_ms
  if entry.waiter == given.waiter then
    own = entry
  elseif entry.told == TOLD and over then
    redis.call('HDEL', KEYS[1], entry.id)
    listed = listed - 1
  elseif entry.told == TOLD then
    told[#told + 1] = entry
    latest = latest and latest.till > entry.till and latest or entry
  elseif over then
    left[#left + 1] = entry
    oldest = oldest or entry
  end
  listed = listed + 1
end
local found = own or given.retried and (oldest or latest)
if found then
  set_waiter(KEYS[1], found, now + given.live_ms, given.waiter, given.kept_ms)
  return {found.id, found.id == given.id and 0 or 1}
end
-- Room for one more: first what was told, then what nobody waits for.
for _, going in ipairs({told, left}) do
  for _, entry in ipairs(going) do
    if listed >= given.most then
      redis.call('HDEL', KEYS[1], entry.id)
      listed = listed - 1
    end
  end
end
if listed < given.most then
  local entry = {id = given.id, since = now, till = now + given.live_ms, waiter = given.waiter, told = 0}
  write_entry(KEYS[1], entry)
  redis.call('PEXPIRE', KEYS[1], given.kept_ms)
end
return {given.id, 0}
