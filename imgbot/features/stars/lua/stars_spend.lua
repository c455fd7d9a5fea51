-- Takes the price of a thing off the balance once; a request that is handled again takes nothing.
-- KEYS: account=img:stars:{user} paid=img:star-item:{item} tombstone_s
-- ARGV: user item price
-- FLAGS: fenced
if redis.call('EXISTS', paid) == 1 then return {'ok'} end
local balance = tonumber(redis.call('HGET', account, 'balance') or '0')
if balance < tonumber(price) then return {'short', balance} end
redis.call('HINCRBY', account, 'balance', -price)
redis.call('HINCRBY', account, 'spent', price)
redis.call('SET', paid, 1, 'EX', tombstone_s)
return {'ok'}
