-- Makes the counters and the reserved money of users agree with their jobs.
-- KEYS: user_jobs: active job: spend: spend_kept_s
-- ARGV: days users...
-- FLAGS: fenced
-- days is a list with commas. Returns the days in which another sum was reserved, and what was
-- counted wrongly of users
local repaired, slots, running, needed = {}, {}, {}, {}
for day in days:gmatch('[^,]+') do needed[day] = {} end
local fields = {}

for i, user in ipairs(users) do
  running[i], fields[i] = 0, 'reserved:' .. user
  for _, id in ipairs(redis.call('ZRANGE', user_jobs_prefix .. user, 0, -1)) do
    local job = redis.call('HMGET', job_prefix .. id, 'state', 'spend_day', 'reserved_micro')
    local day, micro = job[2] or '', tonumber(job[3] or '0')
    if not job[1] then
      redis.call('ZREM', user_jobs_prefix .. user, id)
    elseif job[1] ~= 'queued' then
      running[i] = running[i] + 1
    end
    if day ~= '' and micro > 0 then
      needed[day] = needed[day] or {}
      needed[day][i] = (needed[day][i] or 0) + micro
    end
  end
end

for i, counted in ipairs(redis.call('HMGET', active, unpack(users))) do
  local user, count = users[i], tostring(running[i])
  counted = counted or '0'
  if counted ~= count then
    slots[#slots + 1] = 'user ' .. user .. ': active ' .. counted .. ', not ' .. count
    redis.call('HSET', active, user, count)
    if count == '0' then redis.call('HDEL', active, user) end
  end
end
for day, of_users in pairs(needed) do
  local key = spend_prefix .. day
  for i, counted in ipairs(redis.call('HMGET', key, unpack(fields))) do
    local user, missing = users[i], (of_users[i] or 0) - tonumber(counted or '0')
    if missing ~= 0 then
      for _, entry in ipairs({'reserved', fields[i], 'user:' .. user}) do
        if redis.call('HINCRBY', key, entry, missing) == 0 then redis.call('HDEL', key, entry) end
      end
      redis.call('EXPIRE', key, spend_kept_s)
      repaired[#repaired + 1] = day
    end
  end
end
return {'ok', repaired, slots}
