-- Lets a user in by an invitation, which counts each of them once.
-- KEYS: invitation=img:invitation:{digest} invitation_prefix=img:invitation: allowed
-- ARGV: digest user
if redis.call('SISMEMBER', allowed, user) == 1 then return {'ok'} end
if redis.call('EXISTS', invitation_prefix .. 'withdrawn.' .. user) == 1 then return {'gone'} end
local left = tonumber(redis.call('GET', invitation) or '0')
if left < 1 then return {'gone'} end
redis.call('DECR', invitation)
redis.call('SADD', allowed, user)
return {'ok'}
