-- Keeps the first value that a key was given, for good.
-- KEYS 1 key 2 due
-- ARGV 1 value
-- A script that has written is let through a full memory: what fills it can only be worked off
-- by a bot that starts.
redis.call('ZREM', KEYS[2], '')
redis.call('SET', KEYS[1], ARGV[1], 'NX')
return {'ok', redis.call('GET', KEYS[1])}
