-- Records the status message of a job: before it is sent (message_id 0) when to try again, and the
-- id that it will have a greater one than; its id and chat after.
-- KEYS: job:id announce
-- ARGV: id message_id retry_ms chat_id sent_after
-- FLAGS: fenced allow-oom
redis.call('ZREM', announce, id)
if redis.call('EXISTS', job) == 0 then return {'gone'} end
if message_id == '0' then
  redis.call('ZADD', announce, retry_ms, id)
  redis.call('HSETNX', job, 'sent_after', sent_after)
else
  redis.call('HSET', job, 'message_id', message_id, 'chat_id', chat_id)
  redis.call('HDEL', job, 'sent_after')
end
return {'ok'}
