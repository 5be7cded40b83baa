-- Put an event into its tenant's inbox, or answer as before when the call is a repeat.
-- KEYS  1 event  2 inbox  3 inbox's bell  4 tenant  5 retention of events  6 sequence  7 counters
--       8 rate  9 API key's rate  10 bytes brought in  11 metrics  12 idempotency (may be absent)
-- ARGV  1 given: id, tenant, event_type, source, hash, rates, bounds  2 payload  3 attributes
-- Returns {'accepted', created_at, sequence, of each rate what is left or -1 and the ms until all
--         is} (first time or repeated; a repeat is told no rates), {'known', id, hash} when the
--         idempotency key was used, a refusal of lib/rates.lua, {'memory'} or {'inbox'}.
local keys = {
  event = KEYS[1], inbox = KEYS[2], inbox_bell = KEYS[3], tenant = KEYS[4],
  event_retention = KEYS[5], sequence = KEYS[6], counters = KEYS[7],
}
local given = cjson.decode(ARGV[1])
local now = now_ms()
local rates = {}
if redis.call('EXISTS', keys.event) == 0 then
  local known = known_by(KEYS[12])
  if known then
    return known
  end
  local size = given.overhead + #given.event_type + #given.source + #ARGV[2] + #ARGV[3]
  local buckets = {KEYS[8], KEYS[9], KEYS[10]}
  local charged, refusal = arrivals(buckets, given, {1, 1, size + given.kept_bytes}, now)
  if refusal then
    return refusal
  end
  if nearly_full(keys.counters, now) then
    return {'memory'}
  end
  if number(keys.tenant, 'inbox') + size > given.inbox_bytes then
    return {'inbox'}
  end
  charge_all(buckets, given, charged, now, rates)
  put_event(keys, {
    id = given.id, tenant = given.tenant, event_type = given.event_type, source = given.source,
    payload = ARGV[2], attributes = ARGV[3], now = now, event_ms = given.event_ms,
    backstop_ms = given.backstop_ms, overhead = given.overhead,
  })
  remember(KEYS[12], given.id, given)
  tally(KEYS[11], 'published')
end
local record = redis.call('HMGET', keys.event, 'created_at', 'sequence')
return {'accepted', record[1], record[2], unpack(rates)}
