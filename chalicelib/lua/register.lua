-- Register an API key that an operator signed; again is fine.
-- KEYS  1 the key's record  2 the tenant's API keys  3 those that open anything
-- ARGV  1 given: id, digest (of its text), tenant, name, scopes, expires_at (ms), kept_ms (how much
--       longer the record is kept), most (how many of a tenant may open anything), most_kept (and
--       how many may be kept)
-- Returns {now, 'registered', the record}, {now, 'known', the record}, or what is in the way:
--         {now, 'ended'}, {now, 'another'}, {now, 'full'}.
local given = cjson.decode(ARGV[1])
local now = now_ms()
if given.expires_at <= now then
  return {now, 'ended'}
end
local found = redis.call('HMGET', KEYS[1], 'revoked_at', 'digest')
if found[1] then
  if found[2] ~= given.digest then
    return {now, 'another'}
  end
  if found[1] ~= '' then
    return {now, 'ended'}
  end
  return {now, 'known', redis.call('HGETALL', KEYS[1])}
end
local kept_since = now - given.kept_ms
if redis.call('ZCOUNT', KEYS[3], '(' .. now, '+inf') >= given.most
  or redis.call('ZCOUNT', KEYS[2], '(' .. kept_since, '+inf') >= given.most_kept then
  return {now, 'full'}
end
-- The first write needs memory: a full store takes no new key.
redis.call('HSET', KEYS[1], 'tenant', given.tenant, 'name', given.name, 'scopes', given.scopes,
  'created_at', now, 'expires_at', given.expires_at, 'revoked_at', '',
  'ends_at', given.expires_at, 'digest', given.digest)
redis.call('PEXPIREAT', KEYS[1], given.expires_at + given.kept_ms)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', kept_since)
redis.call('ZADD', KEYS[2], given.expires_at, given.id)
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
redis.call('ZADD', KEYS[3], given.expires_at, given.id)
return {now, 'registered', redis.call('HGETALL', KEYS[1])}
