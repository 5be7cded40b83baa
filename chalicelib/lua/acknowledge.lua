-- Mark events as delivered and take them out of the inbox, leased or not; again is fine.
-- KEYS  1 inbox  2 inbox's leases  3 tenant  4 retention of events  5 lease (may be unused)
--       6 metrics  7 event ...
-- ARGV  1 given: tenant, token (absent: no lease is asked for), how an event is kept, how long an
--       emptied lease is remembered  2 id ...
-- Returns 1; 0 when the tenant has no such event, or when one is not under the lease: then
-- nothing is done.
local given = cjson.decode(ARGV[1])
local now, waiting, delivered = now_ms(), {}, 0
local live = given.token and number(KEYS[5], 'end') >= now
for index = 2, #ARGV do
  local id, event = ARGV[index], KEYS[index + 5]
  local record = redis.call('HMGET', event, 'tenant', 'delivered', 'acked_by')
  local held = live and redis.call('HEXISTS', KEYS[5], id) == 1
  local repeated = record[2] == '1' and (not given.token or record[3] == given.token)
  -- One whose retention ended under the lease is as good as acknowledged.
  if record[1] or not held then
    if record[1] ~= given.tenant or given.token and not repeated and not held then
      return 0
    end
    waiting[#waiting + 1] = {id = id, event = event, delivered = record[2] == '1'}
  end
end
for _, one in ipairs(waiting) do
  local keys = {
    event = one.event, inbox = KEYS[1], inbox_leases = KEYS[2], tenant = KEYS[3],
    event_retention = KEYS[4],
  }
  if one.delivered then
    withdraw(keys, one.id) -- 0.1.0 knew of no lease and of no bytes
  else
    deliver(keys, one.id, given, given.token or '', now)
    delivered = delivered + 1
    if given.token then
      redis.call('HDEL', KEYS[5], one.id)
    end
  end
end
if given.token then
  remember_emptied(KEYS[5], now, given.remembered_ms)
end
if delivered > 0 then
  tally(KEYS[6], 'acknowledged', delivered)
end
return 1
