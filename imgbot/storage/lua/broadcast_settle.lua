-- Notes how it went with the person in hand.
-- KEYS 1 broadcast 2 left 3 people 4 epoch
-- ARGV 1 epoch 2 user id 3 outcome: sent, blocked, refused, skipped, unknown, or again
if redis.call('GET', KEYS[4]) ~= ARGV[1] then return {'fenced'} end
if redis.call('HGET', KEYS[1], 'in_hand') ~= ARGV[2] then return {'ok'} end
redis.call('HDEL', KEYS[1], 'in_hand')
if ARGV[3] == 'again' then
  redis.call('ZADD', KEYS[2], 0, ARGV[2])
else
  redis.call('HINCRBY', KEYS[1], ARGV[3], 1)
end
-- Whoever blocked the bot is counted again when they come back.
if ARGV[3] == 'blocked' then redis.call('ZREM', KEYS[3], ARGV[2]) end
return {'ok'}
