-- Transition of a claimed job: new state and fields, if the caller's version is current.
-- KEYS: job:id due
-- ARGV: id version token state fields...
-- FLAGS: fenced allow-oom
local seen = redis.call('HMGET', job, 'version', 'op', 'is_cancelled', 'message_id', 'chat_id',
  'claimed_ms')
if not seen[1] then return {'gone'} end
if seen[2] ~= token then
  if seen[1] ~= version then return {'stale', seen[1]} end
  seen[1] = version + 1
  redis.call('HSET', job, 'state', state, 'op', token, 'version', seen[1], unpack(fields))
  if seen[3] == '1' then redis.call('ZADD', due, seen[6] or 1, id) end
end
return {'ok', seen[1], seen[3] or '', seen[4] or '', seen[5]}
