-- The models that live workers tell of.
-- KEYS  1 workers  2 models
-- ARGV  1 ms after which a silent worker counts as gone
-- Returns the JSON list of each that told any.
local told = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], now_ms() - ARGV[1], '+inf')) do
  told[#told + 1] = redis.call('HGET', KEYS[2], name) or nil
end
return told
