-- Takes the first waiting job whose user is below their cap, and leases it.
-- KEYS 1 queue 2 tags 3 virtual time 4 user tags 5 due 6 active 7 waiting 8 last claim 9 epoch
--      10 since
-- ARGV 1 epoch 2 now ms 3 due ms 4 running limit 5 most jobs looked at 6 operation token
--      7 job prefix 8 where to begin among the tags
-- Returns ok and the job, empty, or more and where to go on
if redis.call('GET', KEYS[9]) ~= ARGV[1] then return {'fenced'} end
local function lower(key, user)
  if redis.call('HINCRBY', key, user, -1) <= 0 then redis.call('HDEL', key, user) end
end
local function leave(id)
  redis.call('LREM', KEYS[1], 1, id)
  redis.call('ZREM', KEYS[2], id)
  redis.call('ZREM', KEYS[10], id)
end
-- The client repeats commands by itself: the same token gets the same job again.
local token, claimed = (redis.call('GET', KEYS[8]) or ''):match('^(%S+) (%S+)$')
if token == ARGV[6] and redis.call('EXISTS', ARGV[7] .. claimed) == 1 then
  return {'ok', redis.call('HGETALL', ARGV[7] .. claimed)}
end
local found = redis.call('ZRANGE', KEYS[2], ARGV[8], '+inf', 'BYSCORE', 'LIMIT', 0, ARGV[5],
  'WITHSCORES')
local is_capped = {}
for i = 1, #found, 2 do
  local id, tag = found[i], tonumber(found[i + 1])
  local job = ARGV[7] .. id
  local seen = redis.call('HMGET', job, 'state', 'user_id')
  local user = seen[2]
  if seen[1] ~= 'queued' then
    leave(id)
  elseif is_capped[user] == nil then
    is_capped[user] = tonumber(redis.call('HGET', KEYS[6], user) or '0') >= tonumber(ARGV[4])
  end
  if seen[1] == 'queued' and not is_capped[user] then
    leave(id)
    if redis.call('LLEN', KEYS[1]) == 0 then
      redis.call('DEL', KEYS[3], KEYS[4])
    else
      local served = tonumber(redis.call('GET', KEYS[3]) or '0')
      redis.call('SET', KEYS[3], string.format('%.0f', math.max(served, math.floor(tag / 1000000))))
    end
    redis.call('HSET', job, 'state', 'submitting', 'claimed_ms', ARGV[2])
    redis.call('HINCRBY', job, 'version', 1)
    redis.call('HINCRBY', KEYS[6], user, 1)
    lower(KEYS[7], user)
    redis.call('ZADD', KEYS[5], ARGV[3], id)
    redis.call('SET', KEYS[8], ARGV[6] .. ' ' .. id)
    return {'ok', redis.call('HGETALL', job)}
  end
end
if #found == 2 * tonumber(ARGV[5]) then return {'more', '(' .. found[#found]} end
return {'empty'}
