-- Record a job's outcome and publish its end event. A repeat with the same lease changes nothing.
-- KEYS  1 job  2 job's bell  3 tokens  4 leases  5 lease  6 event  7 inbox  8 sequence
-- ARGV  1 id  2 token  3 state  4 result  5 error  6 event id  7 source  8 result ms  9 event ms
-- Returns 1, or 0 when the lease is lost.
if not holds(KEYS[1], ARGV[2]) then
  return redis.call('HGET', KEYS[1], 'ended_by') == ARGV[2] and 1 or 0
end
end_job(
  {job = KEYS[1], bell = KEYS[2], tokens = KEYS[3], leases = KEYS[4],
    event = KEYS[6], inbox = KEYS[7], sequence = KEYS[8]},
  {id = ARGV[1], token = ARGV[2], state = ARGV[3], result = ARGV[4], error = ARGV[5],
    event_id = ARGV[6], source = ARGV[7], result_ms = ARGV[8], event_ms = ARGV[9]})
redis.call('DEL', KEYS[5])
return 1
