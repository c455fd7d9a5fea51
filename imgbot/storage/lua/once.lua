-- Sets a key that has no value yet, and returns the value it has; it expires unless ttl_s is 0.
-- ARGV: key value ttl_s
-- FLAGS: allow-oom
local held = redis.call('SET', key, value, 'NX', 'GET')
if not held and ttl_s ~= '0' then redis.call('EXPIRE', key, ttl_s) end
return {'ok', held or value}
