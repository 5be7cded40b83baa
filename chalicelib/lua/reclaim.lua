-- Take a job back whose lease has lapsed: to the queue again, or failed when no attempt is left.
-- KEYS  1 job  2 job's bell  3 tokens  4 leases  5 event  6 inbox  7 sequence  8 ready jobs
--       9 jobs' bell
-- ARGV  1 id  2 error  3 event id  4 source  5 result ms  6 event ms
-- Returns the state the job is in now, or '' when there was nothing to reclaim.
local lease_end = redis.call('ZSCORE', KEYS[4], ARGV[1])
if not lease_end or tonumber(lease_end) >= now_ms() then
  return ''
end
local record = redis.call('HMGET', KEYS[1], 'state', 'attempt', 'max_attempts', 'order')
if record[1] == 'running' and tonumber(record[2]) >= tonumber(record[3]) then
  end_job(
    {job = KEYS[1], bell = KEYS[2], tokens = KEYS[3], leases = KEYS[4],
      event = KEYS[5], inbox = KEYS[6], sequence = KEYS[7]},
    {id = ARGV[1], token = '', state = 'failed', result = '', error = ARGV[2],
      event_id = ARGV[3], source = ARGV[4], result_ms = ARGV[5], event_ms = ARGV[6]})
  return 'failed'
end
redis.call('ZREM', KEYS[4], ARGV[1])
if record[1] == 'running' then
  change(KEYS[1], KEYS[2], 'state', 'queued', 'lease', '')
elseif record[1] ~= 'queued' then
  return ''
end
redis.call('ZADD', KEYS[8], record[4], ARGV[1])
redis.call('XADD', KEYS[9], 'MAXLEN', 1, '*', 'ready', ARGV[1])
return 'queued'
