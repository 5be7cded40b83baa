-- Put an event into its tenant's inbox, or answer as before when the call is a repeat.
-- KEYS  1 event  2 inbox  3 inbox's bell  4 tenant  5 retention of events  6 sequence  7 counters
--       8 rate  9 idempotency (may be absent)
-- ARGV  1 given: id, tenant, event_type, source, hash, bounds  2 payload  3 attributes
-- Returns {'accepted', created_at, sequence, calls left or -1, ms until all are} (first time or
--         repeated; a repeat is told no rate), {'known', id, hash} when the idempotency key was
--         used, {'rate', ms until a call is allowed}, {'memory'} or {'inbox'} when refused.
local keys = {
  event = KEYS[1], inbox = KEYS[2], inbox_bell = KEYS[3], tenant = KEYS[4],
  event_retention = KEYS[5], sequence = KEYS[6], counters = KEYS[7],
}
local given = cjson.decode(ARGV[1])
local now = now_ms()
local left, reset = -1, -1
if redis.call('EXISTS', keys.event) == 0 then
  local known = known_by(KEYS[9])
  if known then
    return known
  end
  local arrival, pause = next_arrival(KEYS[8], given.rate_quota, given.rate_ms, now)
  if pause then
    return {'rate', pause}
  end
  if nearly_full(keys.counters, now) then
    return {'memory'}
  end
  local size = given.overhead + #given.event_type + #given.source + #ARGV[2] + #ARGV[3]
  if number(keys.tenant, 'inbox') + size > given.inbox_bytes then
    return {'inbox'}
  end
  left, reset = charge(KEYS[8], arrival, given.rate_quota, given.rate_ms, now)
  put_event(keys, {
    id = given.id, tenant = given.tenant, event_type = given.event_type, source = given.source,
    payload = ARGV[2], attributes = ARGV[3], now = now, event_ms = given.event_ms,
    backstop_ms = given.backstop_ms, overhead = given.overhead,
  })
  remember(KEYS[9], given.id, given)
end
local record = redis.call('HMGET', keys.event, 'created_at', 'sequence')
return {'accepted', record[1], record[2], left, reset}
