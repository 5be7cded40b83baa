-- What surrounds a move that a caller asked for: the caller's API key must stand, and a limit on
-- requests is charged. Loaded before the move and its libraries, which see their own KEYS and ARGV.
-- KEYS  end with: the API key's record, the tenant's requests, the API key's requests
-- ARGV  end with: caller, a JSON object: keyed, digest (of the key's text), quota, key_quota (0 where
--       nothing is charged), window_ms
-- Returns {'revoked'}, {'rate', policy, ms until a request is allowed}, or {'done', requests left or
--         -1, ms until all are, the same of the key, what the move returns}.

local caller = cjson.decode(table.remove(ARGV))
local caller_key_requests = table.remove(KEYS)
local caller_requests = table.remove(KEYS)
local caller_record = table.remove(KEYS)

-- Fails closed: a record that nobody can find, or read, stands for a revoked key; and so does the
-- record of another key that bears the same id.
local function key_stands(now)
  if not caller.keyed then
    return true
  end
  local record = redis.call('HMGET', caller_record, 'ends_at', 'digest')
  local ends = tonumber(record[1] or '')
  return ends ~= nil and ends > now and caller.digest ~= '' and record[2] == caller.digest
end

local function guarded(move)
  local now = now_ms()
  if not key_stands(now) then
    return {'revoked'}
  end
  local arrival, pause = next_arrival(caller_requests, caller.quota, caller.window_ms, now)
  if pause then
    return {'rate', 'requests', pause}
  end
  local key_arrival, key_pause =
    next_arrival(caller_key_requests, caller.key_quota, caller.window_ms, now)
  if key_pause then
    return {'rate', 'key-requests', key_pause}
  end
  local told = move()
  -- Behind the move, which a full store lets through if its own first write needs no memory.
  local left, reset = charge(caller_requests, arrival, caller.quota, caller.window_ms, now)
  local key_left, key_reset =
    charge(caller_key_requests, key_arrival, caller.key_quota, caller.window_ms, now)
  return {'done', left, reset, key_left, key_reset, told}
end
