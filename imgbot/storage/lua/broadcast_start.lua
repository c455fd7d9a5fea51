-- Makes a draft the one broadcast that is being sent; status_id is the message with its progress.
-- KEYS: sending broadcast left
-- ARGV: id status_id
-- FLAGS: fenced
local current = redis.call('GET', sending)
if current == id then return {'ok'} end
if redis.call('HGET', broadcast, 'state') ~= 'draft' then return {'gone'} end
if current then return {'busy'} end
redis.call('SET', sending, id)
redis.call('HSET', broadcast, 'state', 'running', 'status_id', status_id)
redis.call('PERSIST', broadcast)
redis.call('PERSIST', left)
return {'ok'}
