-- An inbox: pending events by sequence, leased ones beside them, the bytes of both counted.

-- Count what an inbox holds; room for the end events of jobs under way is counted with it.
local function account(keys, bytes)
  add(keys.tenant, 'inbox', bytes)
end

local function ring(keys, event_ms)
  redis.call('XADD', keys.inbox_bell, 'MAXLEN', 1, '*', 'pending', 1)
  redis.call('PEXPIRE', keys.inbox_bell, event_ms)
end

-- How a leased event is written down: it must find its place again without its record.
local function leased_as(id, sequence)
  return id .. ' ' .. sequence
end

-- Remember a lease that holds nothing any more only for as long as its last call may be repeated:
-- whoever takes leases and empties them at once would fill the store with what they leave.
local function remember_emptied(lease, now, remembered_ms)
  if #redis.call('HKEYS', lease) == 1 then -- its end
    redis.call('PEXPIREAT', lease, now + remembered_ms, 'LT')
  end
end

-- How an event is written down until it is removed: its bytes count as long as this says so, even
-- when 0.1.0 acknowledged the event or let its record expire.
local function kept_as(id, tenant, bytes)
  return id .. ' ' .. tenant .. ' ' .. bytes
end

-- Count an event's bytes no longer, if they still were. keys: tenant, event_retention
local function settle(keys, id, tenant, bytes)
  if redis.call('ZREM', keys.event_retention, kept_as(id, tenant, bytes)) == 1 then
    account(keys, -tonumber(bytes))
  end
end

-- Put an event into an inbox. Record first: an id in an inbox must always be readable.
-- keys: event, inbox, inbox_bell, tenant, event_retention, sequence
-- fields: id, tenant, event_type, source, payload, attributes, now, event_ms, backstop_ms,
--         reserved (bytes that were counted for it before, or nil)
local function put_event(keys, fields)
  local order = redis.call('INCR', keys.sequence)
  local size = fields.overhead + #fields.event_type + #fields.source + #fields.payload
    + #fields.attributes
  redis.call('HSET', keys.event, 'tenant', fields.tenant, 'event_type', fields.event_type,
    'source', fields.source, 'payload', fields.payload, 'attributes', fields.attributes,
    'created_at', fields.now, 'sequence', order, 'delivered', 0, 'size', size)
  local due = fields.now + fields.event_ms
  redis.call('ZADD', keys.event_retention, due, kept_as(fields.id, fields.tenant, size))
  redis.call('PEXPIREAT', keys.event, due + fields.backstop_ms)
  redis.call('ZADD', keys.inbox, order, fields.id)
  redis.call('PERSIST', keys.inbox) -- 0.1.0 let the whole inbox expire
  account(keys, size - (fields.reserved or 0))
  ring(keys, fields.event_ms)
  return order
end

-- Take an event out of an inbox for good; its record stays.
-- keys: event, inbox, inbox_leases, tenant, event_retention
local function withdraw(keys, id)
  local record = redis.call('HMGET', keys.event, 'sequence', 'size', 'tenant')
  redis.call('ZREM', keys.inbox, id)
  redis.call('ZREM', keys.inbox_leases, leased_as(id, record[1]))
  settle(keys, id, record[3], record[2] or 0)
  return record[3]
end

-- Let an event count as delivered: it leaves the inbox and is kept for a while longer.
-- keys: as of withdraw
local function deliver(keys, id, given, by, now)
  local tenant = withdraw(keys, id)
  redis.call('HSET', keys.event, 'delivered', 1, 'acked_by', by)
  local due = now + given.acknowledged_ms
  redis.call('ZADD', keys.event_retention, due, kept_as(id, tenant, 0))
  redis.call('PEXPIREAT', keys.event, due + given.backstop_ms)
end

-- Make leased events pending again whose lease has lapsed, in their old places.
local function return_lapsed(keys, now)
  local lapsed = redis.call('ZRANGEBYSCORE', keys.inbox_leases, '-inf', '(' .. now,
    'LIMIT', 0, 1000)
  for _, member in ipairs(lapsed) do
    local id, sequence = string.match(member, '^(%S+) (%S+)$')
    redis.call('ZADD', keys.inbox, sequence, id)
    redis.call('ZREM', keys.inbox_leases, member)
  end
end
