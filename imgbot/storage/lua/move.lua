-- Transition of a claimed job: new state and fields, if the caller's version is current.
-- KEYS: job:id due
-- ARGV: id version token state due_ms fields...
-- FLAGS: fenced allow-oom
local seen = redis.call('HMGET', job, 'version', 'op', 'is_cancelled', 'message_id', 'chat_id')
if not seen[1] then return {'gone'} end
if seen[2] ~= token then
  if seen[1] ~= version then return {'stale', seen[1]} end
  redis.call('ZREM', due, id)
  redis.call('HSET', job, 'state', state, 'op', token, unpack(fields))
  seen[1] = redis.call('HINCRBY', job, 'version', 1)
  redis.call('ZADD', due, due_ms, id)
end
return {'ok', seen[1], seen[3] or '', seen[4] or '', seen[5]}
