-- Makes a draft the one broadcast that is being sent; status_id is the message with its progress.
-- KEYS: broadcast=img:broadcast broadcast_of=img:broadcast:{id} broadcast_left=img:broadcast-left:{id}
-- ARGV: id status_id
-- FLAGS: fenced
local current = redis.call('GET', broadcast)
if current == id then return {'ok'} end
if redis.call('HGET', broadcast_of, 'state') ~= 'draft' then return {'gone'} end
if current then return {'busy'} end
redis.call('SET', broadcast, id)
redis.call('HSET', broadcast_of, 'state', 'running', 'status_id', status_id)
redis.call('PERSIST', broadcast_of)
redis.call('PERSIST', broadcast_left)
return {'ok'}
