-- What it costs to bring something in: a call of the tenant's rate and of its API key's, and bytes.
-- All are charged, or none. terms: rate_quota, key_quota, rate_ms, bytes_quota, bytes_ms

-- {quota, window_ms, debt_ms} of each, in the order in which keys and costs are listed.
local function rates_of(terms)
  return {
    {terms.rate_quota, terms.rate_ms, 0},
    {terms.key_quota, terms.rate_ms, 0},
    {terms.bytes_quota, terms.bytes_ms, terms.bytes_ms},
  }
end

-- Returns the arrivals after the call, or nil and the refusal that lasts longest:
-- {'rate', which, ms until the call is allowed, ms until the bucket is empty}.
local function arrivals(keys, terms, costs, now)
  local found, refusal = {}, nil
  for index, rate in ipairs(rates_of(terms)) do
    local arrival, pause, used = next_arrival(keys[index], rate[1], rate[2], now, costs[index],
      rate[3])
    if pause and (not refusal or pause > refusal[3]) then
      refusal = {'rate', index - 1, pause, used}
    end
    found[index] = arrival or false
  end
  return not refusal and found or nil, refusal
end

-- Charge the call; adds to `told` what is left of each rate and the milliseconds until it is whole.
local function charge_all(keys, terms, found, now, told)
  for index, rate in ipairs(rates_of(terms)) do
    local left, reset = charge(keys[index], found[index], rate[1], rate[2], now)
    told[#told + 1] = left
    told[#told + 1] = reset
  end
end

-- Charge bytes that come in whether or not the rate allows them: later calls make up for it.
local function owe(key, terms, bytes, now)
  local quota, window_ms = terms.bytes_quota, terms.bytes_ms
  if quota > 0 and bytes > 0 then
    local arrival = emptied(key, 2 * window_ms, now) + window_ms / quota * bytes
    charge(key, math.min(arrival, now + 2 * window_ms), quota, window_ms, now)
  end
end
