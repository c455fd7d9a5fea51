-- Ends a claimed job: tombstone, counters, money, and what outlives it.
-- KEYS: job:id due user_jobs:user tombstone:id result:id dead dead_job:id picture:picture_id
-- KEYS: ended_jobs tombstone_s result_kept_s
-- ARGV: id user day picture_id version outcome now_ms counts lists ended_entry fields...
-- FLAGS: fenced allow-oom
-- counts is JSON: what it changes of counters, as `Tally` in storage/holds.py says. lists is JSON,
-- too: key, new entry, length, and how long it is kept (s).
local seen = redis.call('HMGET', job, 'version')
if not seen[1] then return {redis.call('EXISTS', tombstone) == 1 and 'ok' or 'gone'} end
if seen[1] ~= version then return {'stale', seen[1]} end
redis.call('ZREM', due, id)
redis.call('SET', tombstone, outcome, 'EX', tombstone_s)
if #fields > 0 then
  -- Empty fields are not written, and an id may come again.
  redis.call('DEL', result)
  redis.call('HSET', result, unpack(fields))
  redis.call('EXPIRE', result, result_kept_s)
end
for _, list in ipairs(cjson.decode(lists)) do
  local length = redis.call('LPUSH', list[1], list[2])
  if length > list[3] then redis.call('LTRIM', list[1], 0, list[3] - 1) end
  redis.call('EXPIRE', list[1], list[4])
end
if picture_id ~= '' then redis.call('SET', picture, id, 'EX', result_kept_s) end
for _, tally in ipairs(cjson.decode(counts)) do
  local key, field, change, kept_s, dated, is_of_known = unpack(tally)
  local is_past = dated ~= '' and redis.call('HGET', key, dated) ~= day
  if not is_past and not (is_of_known and redis.call('EXISTS', key) == 0) then
    local sum = redis.call('HINCRBY', key, field, change)
    -- Below 0, it was forgotten, or never counted.
    if sum == 0 or change < 0 and sum < 0 then redis.call('HDEL', key, field) end
    -- Else the key is there, and expires.
    if kept_s > 0 and sum == change then redis.call('EXPIRE', key, kept_s) end
  end
end
if outcome == 'dead' then
  redis.call('RENAME', job, dead_job)
  redis.call('EXPIRE', dead_job, result_kept_s)
  redis.call('ZADD', dead, now_ms, id)
  redis.call('ZREMRANGEBYSCORE', dead, '-inf', tonumber(now_ms) - result_kept_s * 1000)
else
  redis.call('DEL', job)
end
redis.call('ZREM', user_jobs, id)
redis.call('ZADD', ended_jobs, now_ms, ended_entry)
redis.call('EXPIRE', ended_jobs, result_kept_s)
return {'ok'}
