-- Records the status message of a job: before it is sent (message_id 0) when to try again,
-- its id and chat after.
-- KEYS: job:id announce
-- ARGV: id message_id retry_ms chat_id
-- FLAGS: fenced allow-oom
redis.call('ZREM', announce, id)
if redis.call('EXISTS', job) == 0 then return {'gone'} end
if message_id == '0' then
  redis.call('ZADD', announce, retry_ms, id)
else
  redis.call('HSET', job, 'message_id', message_id, 'chat_id', chat_id)
end
return {'ok'}
