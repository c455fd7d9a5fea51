-- Records the outcome for the user taken last: sent, blocked, refused, skipped, unknown, or again.
-- KEYS: broadcast left people
-- ARGV: user_id outcome
-- FLAGS: fenced
if redis.call('HGET', broadcast, 'in_hand') ~= user_id then return {'ok'} end
redis.call('HDEL', broadcast, 'in_hand')
if outcome == 'again' then
  redis.call('ZADD', left, 0, user_id)
else
  redis.call('HINCRBY', broadcast, outcome, 1)
end
-- A user who blocked the bot is added again when they come back.
if outcome == 'blocked' then redis.call('ZREM', people, user_id) end
return {'ok'}
