-- Stores updates that must wait, each once and in the order of their ids, unless they were handled.
-- KEYS: deferred deferred_of: handled: updates_per_page
-- ARGV: updates...
-- updates: chat, due ms, update id, entry
for i = 1, #updates, 4 do
  local chat, id = updates[i], updates[i + 2]
  local page = handled_prefix .. math.floor(id / updates_per_page)
  if redis.call('SISMEMBER', page, id % updates_per_page) == 0 then
    if redis.call('ZCOUNT', deferred_of_prefix .. chat, id, id) == 0 then
      redis.call('ZADD', deferred_of_prefix .. chat, id, updates[i + 3])
    end
    redis.call('ZADD', deferred, updates[i + 1], chat)
  end
end
return {'ok'}
