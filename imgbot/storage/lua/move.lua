-- One arrow of a claimed job: new state and fields, if the caller's view is current.
-- KEYS 1 job 2 due 3 epoch
-- ARGV 1 epoch 2 id 3 expected version 4 operation token 5 new state 6 due ms 7… field value
if redis.call('GET', KEYS[3]) ~= ARGV[1] then return {'fenced'} end
local seen = redis.call('HMGET', KEYS[1], 'version', 'op', 'is_cancelled', 'message_id')
if not seen[1] then return {'gone'} end
if seen[2] ~= ARGV[4] then
  if seen[1] ~= ARGV[3] then return {'stale', seen[1]} end
  -- A script that has written is let through a full memory: jobs must be able to end.
  redis.call('ZREM', KEYS[2], ARGV[2])
  redis.call('HSET', KEYS[1], 'state', ARGV[5], 'op', ARGV[4], unpack(ARGV, 7))
  seen[1] = redis.call('HINCRBY', KEYS[1], 'version', 1)
  redis.call('ZADD', KEYS[2], ARGV[6], ARGV[2])
end
local chat = redis.call('HGET', KEYS[1], 'chat_id')
return {'ok', seen[1], seen[3] or '', seen[4] or '', chat}
