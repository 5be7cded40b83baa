-- Add what the model said since the last append. A repeat changes nothing. Pieces without text
-- count and leave no entry: nothing else would bound how many there are.
-- KEYS  1 job  2 job's bell  3 tokens  4 metrics
-- ARGV  1 tenant  2 token  3 offset of the first chunk in this attempt  4 most bytes  5.. chunks
-- Returns 'held', 'cancel' when somebody asked to cancel the job, 'lost' when the lease is;
--         'gap' for an offset beyond what is stored, since what lies between would be lost;
--         'full' when the attempt would have said more than it may.
local record = redis.call('HMGET', KEYS[1], 'state', 'lease', 'tenant', 'appended', 'attempt',
  'first_token_at', 'appended_bytes', 'cancel_requested', 'started_at')
if record[1] ~= 'running' or record[2] ~= ARGV[2] or record[3] ~= ARGV[1] then
  return 'lost'
end
local offset, appended = tonumber(ARGV[3]), tonumber(record[4])
if offset > appended then
  return 'gap'
end
local reached = offset + #ARGV - 4
if reached > appended then
  local text = table.concat(ARGV, '', 5 + appended - offset)
  local bytes = tonumber(record[7]) + #text
  if bytes > tonumber(ARGV[4]) then
    return 'full'
  end
  if text ~= '' then
    -- The entry's id is the cursor of whoever reads along: attempt and chunks so far.
    redis.call('XADD', KEYS[3], record[5] .. '-' .. reached, 'text', text)
  end
  redis.call('HSET', KEYS[1], 'appended', reached, 'appended_bytes', bytes)
  if not record[6] and text ~= '' then
    local now = now_ms()
    redis.call('HSET', KEYS[1], 'first_token_at', now)
    local version = redis.call('HINCRBY', KEYS[1], 'version', 1)
    redis.call('XADD', KEYS[2], 'MAXLEN', 1, version .. '-0', 'version', version)
    observe(KEYS[4], 'first_token', now - tonumber(record[9]))
  end
end
return record[8] == '1' and 'cancel' or 'held'
