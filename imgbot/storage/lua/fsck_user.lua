-- Makes the counters and the reserved money of one user agree with their jobs.
-- KEYS: user_jobs waiting active
-- ARGV: user job_prefix spend_prefix spend_kept_s days...
-- FLAGS: fenced
-- Returns the days in which another sum was reserved
local waiting_count, active_count, reserved, repaired = 0, 0, {}, {}
for i = 1, #days do reserved[days[i]] = 0 end
for _, id in ipairs(redis.call('ZRANGE', user_jobs, 0, -1)) do
  local job = redis.call('HMGET', job_prefix .. id, 'state', 'spend_day', 'reserved_micro')
  local day, micro = job[2] or '', tonumber(job[3] or '0')
  if not job[1] then
    redis.call('ZREM', user_jobs, id)
  elseif job[1] == 'queued' then
    waiting_count = waiting_count + 1
  else
    active_count = active_count + 1
  end
  if day ~= '' and micro > 0 then reserved[day] = (reserved[day] or 0) + micro end
end
for key, count in pairs({[waiting] = waiting_count, [active] = active_count}) do
  local counted = redis.call('HGET', key, user)
  if count == 0 then
    if counted then redis.call('HDEL', key, user) end
  elseif counted ~= tostring(count) then
    redis.call('HSET', key, user, count)
  end
end
for day, needed in pairs(reserved) do
  local key = spend_prefix .. day
  local missing = needed - tonumber(redis.call('HGET', key, 'reserved:' .. user) or '0')
  if missing ~= 0 then
    for _, entry in ipairs({'reserved', 'reserved:' .. user, 'user:' .. user}) do
      if redis.call('HINCRBY', key, entry, missing) == 0 then redis.call('HDEL', key, entry) end
    end
    redis.call('EXPIRE', key, spend_kept_s)
    repaired[#repaired + 1] = day
  end
end
return {'ok', repaired}
