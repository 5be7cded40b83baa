-- Add what the model said since the last append. A repeat changes nothing.
-- KEYS  1 job  2 job's bell  3 tokens
-- ARGV  1 token  2 offset of the first chunk in this attempt  3 most entries kept  4.. chunks
-- Returns 1, or 0 when the lease is lost. An offset beyond what is stored is an error: what lies
-- between would be lost.
if not holds(KEYS[1], ARGV[1]) then
  return 0
end
local offset = tonumber(ARGV[2])
local record = redis.call('HMGET', KEYS[1], 'appended', 'attempt', 'first_token_at')
local appended = tonumber(record[1])
if offset > appended then
  return redis.error_reply('GAP the append begins at chunk ' .. offset .. ' of ' .. appended)
end
local text = table.concat(ARGV, '', 4 + math.max(0, appended - offset))
local reached = offset + #ARGV - 3
if reached > appended then
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[3], '*',
    'attempt', record[2], 'offset', appended, 'text', text)
  redis.call('HSET', KEYS[1], 'appended', reached)
  if not record[3] then
    change(KEYS[1], KEYS[2], 'first_token_at', now_ms())
  end
end
return 1
