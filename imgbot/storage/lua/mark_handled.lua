-- Marks an update as handled; it waits no longer.
-- KEYS 1 its mark 2 its chat's waiting updates 3 chats by due time
-- ARGV 1 update id 2 how long it is remembered, s 3 chat
redis.call('ZREMRANGEBYSCORE', KEYS[2], ARGV[1], ARGV[1])
if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('ZREM', KEYS[3], ARGV[3]) end
-- Where the memory is full, it is handled once more after a crash; waiting would hold up everybody.
redis.pcall('SET', KEYS[1], 1, 'EX', ARGV[2])
return {'ok'}
