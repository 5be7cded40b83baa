-- Do nothing but what surrounds a move, ahead of plain reads on a caller's behalf.
-- KEYS  none of its own
-- ARGV  none of its own
-- Returns 1.
return 1
