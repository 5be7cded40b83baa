-- Put an event into its tenant's inbox, or answer as before when the call is a repeat.
-- KEYS  1 event  2 inbox  3 sequence  4 idempotency (may be absent)
-- ARGV  1 id  2 tenant  3 event type  4 source  5 payload  6 event ms  7 body hash
--       8 idempotency ms
-- Returns {'accepted', created_at, sequence} (first time or repeated),
--         {'known', id, hash} when the idempotency key was used.
local ids = KEYS[4]
if redis.call('EXISTS', KEYS[1]) == 0 then
  local known = known_by(ids)
  if known then
    return known
  end
  put_event(KEYS[1], KEYS[2], KEYS[3], {
    id = ARGV[1], tenant = ARGV[2], event_type = ARGV[3], source = ARGV[4], payload = ARGV[5],
    now = now_ms(), event_ms = ARGV[6],
  })
  if ids then
    redis.call('SET', ids, ARGV[1] .. ' ' .. ARGV[7], 'PX', ARGV[8])
  end
end
local record = redis.call('HMGET', KEYS[1], 'created_at', 'sequence')
return {'accepted', record[1], record[2]}
