-- Records the status message of a job: before it is sent (message_id 0) when to try again,
-- its id and chat after.
-- KEYS: job:id announce
-- ARGV: id message_id retry_ms chat_id
-- FLAGS: fenced allow-oom
local is_live = redis.call('EXISTS', job) == 1
if is_live and message_id == '0' then
  redis.call('ZADD', announce, retry_ms, id)
  return {'ok'}
end
redis.call('ZREM', announce, id)
if not is_live then return {'gone'} end
redis.call('HSET', job, 'message_id', message_id, 'chat_id', chat_id)
return {'ok'}
