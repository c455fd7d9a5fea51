-- Takes the first waiting job whose user is below his cap, and leases it.
-- KEYS 1 queue 2 tags 3 virtual time 4 user tags 5 due 6 active 7 waiting 8 last claim 9 epoch
-- ARGV 1 epoch 2 now ms 3 due ms 4 running limit 5 scan limit 6 operation token 7 job prefix
if redis.call('GET', KEYS[9]) ~= ARGV[1] then return {'fenced'} end
local function lower(key, user)
  if redis.call('HINCRBY', key, user, -1) <= 0 then redis.call('HDEL', key, user) end
end
-- The client repeats commands by itself: the same token gets the same job again.
local token, claimed = (redis.call('GET', KEYS[8]) or ''):match('^(%S+) (%S+)$')
if token == ARGV[6] and redis.call('EXISTS', ARGV[7] .. claimed) == 1 then
  return {'ok', redis.call('HGETALL', ARGV[7] .. claimed)}
end
for _, id in ipairs(redis.call('LRANGE', KEYS[1], 0, tonumber(ARGV[5]) - 1)) do
  local job = ARGV[7] .. id
  local user = redis.call('HGET', job, 'user_id')
  if not user then
    redis.call('LREM', KEYS[1], 1, id)
    redis.call('ZREM', KEYS[2], id)
  elseif tonumber(redis.call('HGET', KEYS[6], user) or '0') < tonumber(ARGV[4]) then
    redis.call('LREM', KEYS[1], 1, id)
    local tag = tonumber(redis.call('ZSCORE', KEYS[2], id) or '0')
    redis.call('ZREM', KEYS[2], id)
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
return {'empty'}
