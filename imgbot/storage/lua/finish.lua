-- Ends a claimed job: tombstone, counters, money, and what outlives it.
-- KEYS: job:id due active user_jobs:user announce tombstone:id result:id dead dead_job:id stats
-- KEYS: history:user recent:place spend:day stars:user ended:day picture:picture_id
-- KEYS: ended_jobs user: tombstone_s result_kept_s history_length spend_kept_s
-- ARGV: id user day picture_id version outcome now_ms is_billed provider_operation operation_status
-- ARGV: quotas place recent_entry ended_entry status fields...
-- FLAGS: fenced allow-oom
-- quotas is a list with commas: the user and the group in whose quotas it was counted.
local seen = redis.call('HMGET', job, 'version', 'user_id', 'reserved_micro', 'price_micro',
  'stars', 'stars_back', 'is_settled')
if not seen[1] then return {redis.call('EXISTS', tombstone) == 1 and 'ok' or 'gone'} end
if seen[1] ~= version then return {'stale', seen[1]} end
redis.call('ZREM', due, id)
redis.call('SET', tombstone, outcome, 'EX', tombstone_s)
if #fields > 0 then
  redis.call('HSET', result, unpack(fields))
  redis.call('EXPIRE', result, result_kept_s)
end
-- Of a job that failed only its request is kept.
if #fields > 0 and outcome == 'delivered' then
  for list, entry in pairs({[history] = id, [recent] = recent_entry}) do
    redis.call('LPUSH', list, entry)
    redis.call('LTRIM', list, 0, history_length - 1)
    redis.call('EXPIRE', list, result_kept_s)
  end
  if picture_id ~= '' then redis.call('SET', picture, id, 'EX', result_kept_s) end
end
-- The reservation is what the admission took; the charge is what the picture cost.
local reserved, charge = tonumber(seen[3] or '0'), tonumber(seen[4] or '0')
local is_settled = seen[7] == '1'
if is_billed ~= '1' or is_settled then charge = 0 end
-- What was billed counts, whoever cancelled it, and so does what is shown; all else is given back.
local counts = charge > 0 or is_settled or outcome == 'delivered'
local function add(entry, micro)
  if redis.call('HINCRBY', spend, entry, micro) == 0 then redis.call('HDEL', spend, entry) end
end
if reserved > 0 then
  add('reserved', -reserved)
  add('reserved:' .. seen[2], -reserved)
  add('user:' .. seen[2], -reserved)
end
if charge > 0 then
  add('charged', charge)
  add('user:' .. seen[2], charge)
  add('of:' .. provider_operation, charge)
  add('n:' .. provider_operation, 1)
end
for owner in quotas:gmatch('[^,]+') do
  local entry = 'pictures:' .. owner
  -- A dead one has not come to its end.
  if not counts and outcome ~= 'dead' and redis.call('HEXISTS', spend, entry) == 1 then add(entry, -1) end
end
if reserved + charge > 0 then redis.call('EXPIRE', spend, spend_kept_s) end
-- The ledger has what is held for the job, once: a dead one may be delivered after all, at no price.
local held = seen[5] and redis.call('HGET', stars, 'job:' .. id)
if held then
  redis.call('HDEL', stars, 'job:' .. id)
  if counts then
    local back = math.min(tonumber(seen[6] or '0'), tonumber(held))
    redis.call('HINCRBY', stars, 'spent', held - back)
    if back > 0 then redis.call('HINCRBY', stars, 'balance', back) end
  elseif held ~= '0' then
    redis.call('HINCRBY', stars, 'balance', held)
  elseif redis.call('HGET', stars, 'free_day') == day then
    redis.call('HINCRBY', stars, 'free_count', -1)
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
for _, index in ipairs({user_jobs, announce}) do redis.call('ZREM', index, id) end
if redis.call('HINCRBY', active, seen[2], -1) <= 0 then redis.call('HDEL', active, seen[2]) end
redis.call('HINCRBY', stats, outcome, 1)
redis.call('HINCRBY', ended, operation_status, 1)
redis.call('EXPIRE', ended, 691200)
redis.call('ZADD', ended_jobs, now_ms, ended_entry)
redis.call('ZREMRANGEBYRANK', ended_jobs, 0, -201)
redis.call('ZREMRANGEBYSCORE', ended_jobs, '-inf', tonumber(now_ms) - result_kept_s * 1000)
redis.call('EXPIRE', ended_jobs, result_kept_s)
-- A user who was forgotten meanwhile stays forgotten.
local profile = user_prefix .. seen[2]
if redis.call('EXISTS', profile) == 1 then redis.call('HINCRBY', profile, 'jobs_' .. status, 1) end
return {'ok'}
