-- What time has brought since the last sweep.
-- KEYS  1 leased  2 deadlines  3 ready jobs of 0.1.0  4 leases of 0.1.0  5 retention of jobs
--       6 retention of events
-- ARGV  1 the most of each kind
-- Returns {verb and what it is for, ...}: 'reclaim', 'expire' or 'remove' and a place, 'adopt' and
-- an old id, 'forget' and an event's id and tenant.
local now, most = now_ms(), tonumber(ARGV[1])
local due = due_moves(KEYS[1], KEYS[2], KEYS[3], KEYS[4], now, most)
for index, verb in pairs({[5] = 'remove', [6] = 'forget'}) do
  local members = redis.call('ZRANGEBYSCORE', KEYS[index], '-inf', now, 'LIMIT', 0, most)
  for _, member in ipairs(members) do
    due[#due + 1] = verb .. ' ' .. member
  end
end
return due
