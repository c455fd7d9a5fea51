-- Stores updates that must wait, each once and in the order of their ids, unless they were handled.
-- KEYS 1 chats by due time
-- ARGV 1 prefix of a chat's updates 2 prefix of handled updates 3… chat, due ms, update id, entry
for i = 3, #ARGV, 4 do
  local chat, id = ARGV[i], ARGV[i + 2]
  if redis.call('EXISTS', ARGV[2] .. id) == 0 then
    if redis.call('ZCOUNT', ARGV[1] .. chat, id, id) == 0 then
      redis.call('ZADD', ARGV[1] .. chat, id, ARGV[i + 3])
    end
    redis.call('ZADD', KEYS[1], ARGV[i + 1], chat)
  end
end
return {'ok'}
