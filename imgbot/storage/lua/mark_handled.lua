-- Marks an update as handled, and removes it from the deferred ones of its chat.
-- KEYS: update:update_id deferred deferred_of:chat tombstone_s
-- ARGV: update_id chat
redis.call('ZREMRANGEBYSCORE', deferred_of, update_id, update_id)
if redis.call('EXISTS', deferred_of) == 0 then redis.call('ZREM', deferred, chat) end
-- Where the memory is full, it is handled once more after a crash; waiting would delay all.
redis.pcall('SET', update, 1, 'EX', tombstone_s)
return {'ok'}
