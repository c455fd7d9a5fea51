-- Records the outcome for the user taken last: sent, blocked, refused, skipped, unknown, or again.
-- KEYS: broadcast_of=img:broadcast:{id} broadcast_left=img:broadcast-left:{id} people
-- ARGV: id user_id outcome
-- FLAGS: fenced
if redis.call('HGET', broadcast_of, 'in_hand') ~= user_id then return {'ok'} end
redis.call('HDEL', broadcast_of, 'in_hand')
if outcome == 'again' then
  redis.call('ZADD', broadcast_left, 0, user_id)
else
  redis.call('HINCRBY', broadcast_of, outcome, 1)
end
-- A user who blocked the bot is added again when they come back.
if outcome == 'blocked' then redis.call('ZREM', people, user_id) end
return {'ok'}
