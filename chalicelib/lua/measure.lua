-- How the queue stands, what was done so far, and how full the store is.
-- KEYS  as of gauge.lua, 9 metrics
-- ARGV  1 ms after which a silent worker counts as gone
-- Returns {what lib/gauging.lua tells, {bound of times in ms, ...}, {count, value, ...}, the store's
--         own words on its memory, '' where it keeps them to itself}.
local told = redis.pcall('INFO', 'memory')
return {
  gauged(queue_keys(), ARGV[1]), bounds_ms(), redis.call('HGETALL', KEYS[9]),
  type(told) == 'string' and told or '',
}
