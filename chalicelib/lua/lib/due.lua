-- What time has brought: jobs due for a move of their own.

-- {'reclaim <place>', 'expire <place>', 'adopt <old id>', ...}, at most `most` of each.
local function due_moves(leased, deadlines, old_ready, old_leases, now, most)
  local due = {}
  local function list(verb, members)
    for _, member in ipairs(members) do
      due[#due + 1] = verb .. ' ' .. member
    end
  end
  list('reclaim', redis.call('ZRANGEBYSCORE', leased, '-inf', '(' .. now, 'LIMIT', 0, most))
  list('expire', redis.call('ZRANGEBYSCORE', deadlines, '-inf', now, 'LIMIT', 0, most))
  list('adopt', redis.call('ZRANGE', old_ready, 0, most - 1))
  list('adopt', redis.call('ZRANGEBYSCORE', old_leases, '-inf', '(' .. now, 'LIMIT', 0, most))
  return due
end
