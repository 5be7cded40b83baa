-- How the queue stands.
-- KEYS  1 queue  2 ages  3 delayed  4 leased  5 dead  6 workers  7 slots  8 counters
-- ARGV  1 ms after which a silent worker counts as gone
-- Returns what lib/gauging.lua tells.
return gauged(queue_keys(), ARGV[1])
