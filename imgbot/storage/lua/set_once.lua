-- Sets a key that has no value yet, and returns the value it has.
-- ARGV: key value
-- FLAGS: allow-oom
redis.call('SET', key, value, 'NX')
return {'ok', redis.call('GET', key)}
