-- Overwrites the fields of a job that tell of its user, if the job is still stored.
-- KEYS: job
-- ARGV: fields...
-- FLAGS: fenced allow-oom
if redis.call('EXISTS', job) == 1 then redis.call('HSET', job, unpack(fields)) end
return {'ok'}
