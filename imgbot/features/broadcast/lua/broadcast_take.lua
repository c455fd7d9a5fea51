-- Takes the next recipient of a broadcast. The one taken before a restart may have got the message
-- or not: it is not sent again, and counted as unknown.
-- KEYS: broadcast_of=img:broadcast:{id} broadcast_left=img:broadcast-left:{id}
-- ARGV: id token
-- FLAGS: fenced
-- Returns ok and the user id, or over
local seen = redis.call('HMGET', broadcast_of, 'state', 'in_hand', 'op')
local is_running, is_own = seen[1] == 'running', seen[3] == token
-- The client repeats commands by itself: the same token gets the same user again, who has been
-- sent nothing. A cancelled broadcast returns nobody.
if seen[2] and is_own and is_running then return {'ok', seen[2]} end
if seen[2] then
  if not is_own then redis.call('HINCRBY', broadcast_of, 'unknown', 1) end
  redis.call('HDEL', broadcast_of, 'in_hand')
end
if not is_running then return {'over'} end
local next = redis.call('ZPOPMIN', broadcast_left)[1]
if not next then
  redis.call('HSET', broadcast_of, 'state', 'sent')
  return {'over'}
end
redis.call('HSET', broadcast_of, 'in_hand', next, 'op', token)
return {'ok', next}
