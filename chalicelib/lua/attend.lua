-- Say until when somebody waits for an undelivered job; one that is not listed stays so.
-- KEYS  1 undelivered
-- ARGV  1 given: id, waiter, takes (whether from any waiter before it), live_ms, kept_ms, alone_ms
--       (kept for so long where nothing else is listed)
-- Returns 1, or 0 where the job is not listed or waits for another.
local given = cjson.decode(ARGV[1])
local now, found = now_ms(), undelivered(KEYS[1])
local kept_ms = #found == 1 and given.alone_ms or given.kept_ms
for _, entry in ipairs(found) do
  if entry.id == given.id and (given.takes or entry.waiter == given.waiter) then
    set_waiter(KEYS[1], entry, now + given.live_ms, given.waiter, kept_ms)
    return 1
  end
end
return 0
