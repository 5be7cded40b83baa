-- Say which job a call waits for: a new one, or where it is a retry the oldest undelivered one that
-- nobody waits for. The waiter's own call, repeated, answers as before.
-- KEYS  1 undelivered
-- ARGV  1 given: id (of the new job), waiter, retried, live_ms (how long it waits), live_most_ms (how
--       long any does), kept_ms, most
-- Returns {id, 1 where the job was asked for before, else 0}.
local given = cjson.decode(ARGV[1])
local now = now_ms()
local found = undelivered(KEYS[1])
for _, entry in ipairs(found) do
  -- Nobody waits for so long: it was written by a clock that was ahead of this one.
  local left = entry.till <= now or entry.till > now + given.live_most_ms
  if entry.waiter == given.waiter or given.retried and left then
    local before = entry.id == given.id and 0 or 1
    -- It needs no memory, and lets the next write pass when the store has none.
    redis.call('PERSIST', KEYS[1])
    set_waiter(KEYS[1], entry.id, entry.since, now + given.live_ms, given.waiter, given.kept_ms)
    return {entry.id, before}
  end
end
set_waiter(KEYS[1], given.id, now, now + given.live_ms, given.waiter, given.kept_ms)
for index = 1, #found + 1 - given.most do
  redis.call('HDEL', KEYS[1], found[index].id)
end
return {given.id, 0}
