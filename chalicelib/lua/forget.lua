-- Take an id out of an inbox whose event's record has reached the end of its retention.
-- KEYS  1 event  2 inbox
-- ARGV  1 id
-- Returns 1 when it was taken out.
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
return redis.call('ZREM', KEYS[2], ARGV[1])
