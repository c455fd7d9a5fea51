-- Marks an update as handled, and removes it from the deferred ones of its chat.
-- KEYS: handled: deferred deferred_of:chat tombstone_s updates_per_page
-- ARGV: update_id chat
local was_deferred = redis.call('ZREMRANGEBYSCORE', deferred_of, update_id, update_id) > 0
if was_deferred and redis.call('EXISTS', deferred_of) == 0 then
  redis.call('ZREM', deferred, chat)
end
-- Where the memory is full, it is handled once more after a crash; waiting would delay all.
local page = handled_prefix .. math.floor(update_id / updates_per_page)
redis.pcall('SADD', page, update_id % updates_per_page)
redis.pcall('EXPIRE', page, tombstone_s)
return {'ok'}
