-- The status message of a job: when to try again before it is sent, its id after.
-- KEYS 1 job 2 announce 3 epoch
-- ARGV 1 epoch 2 id 3 message id (0: about to be sent) 4 next attempt ms 5 its chat
if redis.call('GET', KEYS[3]) ~= ARGV[1] then return {'fenced'} end
-- A script that has written is let through a full memory, which the end of a job must not wait for.
redis.call('ZREM', KEYS[2], ARGV[2])
if redis.call('EXISTS', KEYS[1]) == 0 then return {'gone'} end
if ARGV[3] == '0' then
  redis.call('ZADD', KEYS[2], ARGV[4], ARGV[2])
else
  redis.call('HSET', KEYS[1], 'message_id', ARGV[3], 'chat_id', ARGV[5])
end
return {'ok'}
