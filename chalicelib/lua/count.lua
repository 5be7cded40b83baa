-- Count something that no move did.
-- KEYS  1 metrics
-- ARGV  1 what
-- Returns 1.
tally(KEYS[1], ARGV[1])
return 1
