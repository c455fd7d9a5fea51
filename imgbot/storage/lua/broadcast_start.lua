-- Lets a draft become the one broadcast that is being sent.
-- KEYS 1 current 2 broadcast 3 left 4 epoch
-- ARGV 1 epoch 2 id 3 message that tells the progress
if redis.call('GET', KEYS[4]) ~= ARGV[1] then return {'fenced'} end
local current = redis.call('GET', KEYS[1])
if current == ARGV[2] then return {'ok'} end
if redis.call('HGET', KEYS[2], 'state') ~= 'draft' then return {'gone'} end
if current then return {'busy'} end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('HSET', KEYS[2], 'state', 'running', 'status_id', ARGV[3])
redis.call('PERSIST', KEYS[2])
redis.call('PERSIST', KEYS[3])
return {'ok'}
