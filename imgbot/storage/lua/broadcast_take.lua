-- Takes the next person of a broadcast in hand. Whoever was in the hand of an earlier life may
-- have got the message or not: it is not sent again, and counted as unknown.
-- KEYS 1 broadcast 2 left 3 epoch
-- ARGV 1 epoch 2 operation token
-- Returns ok and the user id, or over
if redis.call('GET', KEYS[3]) ~= ARGV[1] then return {'fenced'} end
local seen = redis.call('HMGET', KEYS[1], 'state', 'in_hand', 'op')
local is_running, is_own = seen[1] == 'running', seen[3] == ARGV[2]
-- The client repeats commands by itself: the same token gets the same person again, who has been
-- sent nothing. Once it was called off, nobody is.
if seen[2] and is_own and is_running then return {'ok', seen[2]} end
if seen[2] then
  if not is_own then redis.call('HINCRBY', KEYS[1], 'unknown', 1) end
  redis.call('HDEL', KEYS[1], 'in_hand')
end
if not is_running then return {'over'} end
local next = redis.call('ZPOPMIN', KEYS[2])[1]
if not next then
  redis.call('HSET', KEYS[1], 'state', 'sent')
  return {'over'}
end
redis.call('HSET', KEYS[1], 'in_hand', next, 'op', ARGV[2])
return {'ok', next}
