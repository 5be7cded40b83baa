-- A job's answer goes to who waits for it. Whether it gets there nobody hears: for a while a call
-- that is sent again may still have it, once.
-- KEYS  1 undelivered
-- ARGV  1 given: id, waiter, told_ms (for how long, 0 for not at all), kept_ms
-- Returns 1, also where the job is not listed; 0 where it has another waiter by now.
local given = cjson.decode(ARGV[1])
local mine, kept_ms = nil, given.told_ms
for _, entry in ipairs(undelivered(KEYS[1])) do
  if entry.id == given.id then
    mine = entry
  elseif entry.told ~= TOLD then
    kept_ms = given.kept_ms
  end
end
if not mine then
  return 1
elseif mine.waiter ~= given.waiter then
  return 0
elseif given.told_ms == 0 or mine.told == TAKEN_AGAIN then
  redis.call('HDEL', KEYS[1], given.id)
elseif mine.told ~= TOLD then
  -- It needs no memory, and lets the next write pass when the store has none.
  redis.call('PERSIST', KEYS[1])
  mine.told, mine.till = TOLD, now_ms() + given.told_ms
  write_entry(KEYS[1], mine)
  redis.call('PEXPIRE', KEYS[1], kept_ms)
end
return 1
