-- Overwrites the fields of a job that tell of its user, if the job is still stored.
-- ARGV: key fields...
-- FLAGS: fenced allow-oom
if redis.call('EXISTS', key) == 1 then redis.call('HSET', key, unpack(fields)) end
return {'ok'}
