-- Say until when somebody waits for an undelivered job; one that is not listed stays so.
-- KEYS  1 undelivered
-- ARGV  1 given: id, waiter, takes (whether from any waiter before it), live_ms, kept_ms
-- Returns 1, or 0 where the job is not listed or waits for another.
local given = cjson.decode(ARGV[1])
local now = now_ms()
for _, entry in ipairs(undelivered(KEYS[1])) do
  if entry.id == given.id and (given.takes or entry.waiter == given.waiter) then
    set_waiter(KEYS[1], entry, now + given.live_ms, given.waiter, given.kept_ms)
    return 1
  end
end
return 0
