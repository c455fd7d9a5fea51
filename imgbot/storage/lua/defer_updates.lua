-- Stores updates that must wait, each once and in the order of their ids, unless they were handled.
-- KEYS: deferred deferred_of: update:
-- ARGV: updates...
-- updates: chat, due ms, update id, entry
for i = 1, #updates, 4 do
  local chat, id = updates[i], updates[i + 2]
  if redis.call('EXISTS', update_prefix .. id) == 0 then
    if redis.call('ZCOUNT', deferred_of_prefix .. chat, id, id) == 0 then
      redis.call('ZADD', deferred_of_prefix .. chat, id, updates[i + 3])
    end
    redis.call('ZADD', deferred, updates[i + 1], chat)
  end
end
return {'ok'}
