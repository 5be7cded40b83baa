-- The jobs of one call of the OpenAI API whose answers may have reached nobody: job id to
-- "<since> <until> <waiter> <told>" (ms). A waiter of `waiter` waits until then since the job was
-- asked for. `told` is 0 while nobody was told the answer. It is 1 once somebody was: a reply that
-- was lost on its way was not delivered, so a call that is sent again may have it until then, once.
-- It is 2 where one was given it so: told again, the answer is delivered for good.

local TOLD, TAKEN_AGAIN = 1, 2

local function undelivered(key)
  local found, flat = {}, redis.call('HGETALL', key)
  for index = 1, #flat, 2 do
    local since, till, waiter, told = string.match(flat[index + 1], '^(%d+) (%d+) (%S*) (%d)$')
    found[#found + 1] = {
      id = flat[index], since = since, till = tonumber(till), waiter = waiter, told = tonumber(told),
    }
  end
  table.sort(found, function(a, b)
    local first, second = tonumber(a.since), tonumber(b.since)
    return first < second or first == second and a.id < b.id
  end)
  return found
end

local function write_entry(key, entry)
  redis.call('HSET', key, entry.id, string.format('%.0f %.0f %s %d', entry.since, entry.till,
    entry.waiter, entry.told))
end

-- Let `waiter` wait for the entry's job until `till`.
local function set_waiter(key, entry, till, waiter, kept_ms)
  -- It needs no memory, and lets the next write pass when the store has none.
  redis.call('PERSIST', key)
  entry.till, entry.waiter = till, waiter
  entry.told = entry.told == TOLD and TAKEN_AGAIN or entry.told
  write_entry(key, entry)
  redis.call('PEXPIRE', key, kept_ms)
end
