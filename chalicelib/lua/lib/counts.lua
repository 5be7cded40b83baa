-- What was done so far, and how long it took, in one hash that only grows: for whoever draws it over
-- time. A count is '<what>' or '<what>:<kind>'; a time is counted under '<what>:<bound>', the least
-- bound that it does not pass, and its milliseconds are added to '<what>:sum'.

local function bounds_ms()
  return {50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 120000, 300000, 600000, 1800000,
    3600000}
end

-- Always behind a move's own writes: on a full store (lib/common.lua) it must not be the first.
local function tally(metrics, what, amount)
  redis.call('HINCRBY', metrics, what, amount or 1)
end

-- A clock that went back makes no time negative.
local function observe(metrics, what, ms)
  local took, reached = math.max(0, ms), 'over'
  for _, bound in ipairs(bounds_ms()) do
    if took <= bound then
      reached = bound
      break
    end
  end
  tally(metrics, what .. ':' .. reached)
  tally(metrics, what .. ':sum', took)
end
