-- Re-queues a dead job at a state from which it can end without another submit.
-- KEYS: dead_job:id job:id dead due active user_jobs:user tombstone:id wake
-- ARGV: id user now_ms fields...
-- FLAGS: fenced
if redis.call('EXISTS', job) == 1 then return {'ok'} end
local seen = redis.call('HMGET', dead_job, 'user_id', 'created_ms')
if not seen[1] then return {'gone'} end
redis.call('RENAME', dead_job, job)
redis.call('PERSIST', job)
redis.call('DEL', tombstone)
redis.call('ZREM', dead, id)
redis.call('HSET', job, unpack(fields))
redis.call('HINCRBY', job, 'version', 1)
redis.call('HINCRBY', active, seen[1], 1)
redis.call('ZADD', due, now_ms, id)
redis.call('ZADD', user_jobs, seen[2] or now_ms, id)
redis.call('LPUSH', wake, id)
return {'ok'}
