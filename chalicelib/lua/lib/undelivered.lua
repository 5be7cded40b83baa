-- The jobs of one call of the OpenAI API whose answers nobody has had: job id to
-- "<since> <until> <waiter>". A waiter of `waiter` waits until then (ms) since the job was asked for.

local function undelivered(key)
  local found, flat = {}, redis.call('HGETALL', key)
  for index = 1, #flat, 2 do
    local since, till, waiter = string.match(flat[index + 1], '^(%d+) (%d+) (%S*)$')
    found[#found + 1] = {id = flat[index], since = since, till = tonumber(till), waiter = waiter}
  end
  table.sort(found, function(a, b)
    local first, second = tonumber(a.since), tonumber(b.since)
    return first < second or first == second and a.id < b.id
  end)
  return found
end

local function set_waiter(key, id, since, till, waiter, kept_ms)
  redis.call('HSET', key, id, string.format('%.0f %.0f %s', since, till, waiter))
  redis.call('PEXPIRE', key, kept_ms)
end
