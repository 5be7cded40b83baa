-- Nothing but what surrounds a move: a caller's API key and requests, ahead of plain reads.
-- Returns true.
return 1
