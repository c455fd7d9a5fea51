-- Marks an update as handled, and removes it from the deferred ones of its chat.
-- KEYS: mark deferred chats
-- ARGV: update_id kept_s chat
redis.call('ZREMRANGEBYSCORE', deferred, update_id, update_id)
if redis.call('EXISTS', deferred) == 0 then redis.call('ZREM', chats, chat) end
-- Where the memory is full, it is handled once more after a crash; waiting would delay all.
redis.pcall('SET', mark, 1, 'EX', kept_s)
return {'ok'}
