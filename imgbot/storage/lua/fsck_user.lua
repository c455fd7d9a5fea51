-- Makes the counters and the reserved money of one user agree with their jobs.
-- KEYS 1 the user's jobs 2 waiting 3 active 4 epoch
-- ARGV 1 epoch 2 user id 3 job prefix 4 money prefix 5 money kept s 6… days that are checked
-- Returns the days in which another sum was reserved
if redis.call('GET', KEYS[4]) ~= ARGV[1] then return {'fenced'} end
local user, waiting, active, reserved, mended = ARGV[2], 0, 0, {}, {}
for i = 6, #ARGV do reserved[ARGV[i]] = 0 end
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local job = redis.call('HMGET', ARGV[3] .. id, 'state', 'spend_day', 'reserved_micro')
  local day, micro = job[2] or '', tonumber(job[3] or '0')
  if not job[1] then
    redis.call('ZREM', KEYS[1], id)
  elseif job[1] == 'queued' then
    waiting = waiting + 1
  else
    active = active + 1
  end
  if day ~= '' and micro > 0 then reserved[day] = (reserved[day] or 0) + micro end
end
for key, count in pairs({[KEYS[2]] = waiting, [KEYS[3]] = active}) do
  local counted = redis.call('HGET', key, user)
  if count == 0 then
    if counted then redis.call('HDEL', key, user) end
  elseif counted ~= tostring(count) then
    redis.call('HSET', key, user, count)
  end
end
for day, needed in pairs(reserved) do
  local key = ARGV[4] .. day
  local missing = needed - tonumber(redis.call('HGET', key, 'reserved:' .. user) or '0')
  if missing ~= 0 then
    for _, entry in ipairs({'reserved', 'reserved:' .. user, 'user:' .. user}) do
      if redis.call('HINCRBY', key, entry, missing) == 0 then redis.call('HDEL', key, entry) end
    end
    redis.call('EXPIRE', key, ARGV[5])
    mended[#mended + 1] = day
  end
end
return {'ok', mended}
