-- Re-queues a dead job at a state from which it can end without another submit.
-- KEYS: dead_job:id job:id dead due active user_jobs:user tombstone:id wake
-- ARGV: id user now_ms fields...
-- FLAGS: fenced
if redis.call('EXISTS', job) == 1 then return {'ok'} end
local seen = redis.call('HMGET', dead_job, 'user_id', 'created_ms', 'intent_ms', 'is_unbilled',
  'price_micro')
if not seen[1] then return {'gone'} end
redis.call('RENAME', dead_job, job)
redis.call('PERSIST', job)
redis.call('DEL', tombstone)
redis.call('ZREM', dead, id)
redis.call('HSET', job, 'is_cancelled', 0, 'tries', 0, 'accepted_ms', 0, 'pending_ms', 0,
  'reserved_micro', 0, 'stars', 0, 'stars_back', 0, unpack(fields))
-- It was charged when it died: it must not be charged again, nor count as one that costs nothing.
if tonumber(seen[3] or '0') > 0 and seen[4] ~= '1' and tonumber(seen[5] or '0') > 0 then
  redis.call('HSET', job, 'is_settled', 1)
end
redis.call('HINCRBY', job, 'version', 1)
redis.call('HINCRBY', active, seen[1], 1)
redis.call('ZADD', due, now_ms, id)
redis.call('ZADD', user_jobs, seen[2] or now_ms, id)
redis.call('LPUSH', wake, id)
return {'ok'}
