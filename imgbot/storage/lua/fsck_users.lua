-- Makes the counters and the reserved money of users agree with their jobs.
-- KEYS: user_jobs: waiting active job: spend: spend_kept_s
-- ARGV: days users...
-- FLAGS: fenced
-- days is a list with commas. Returns the days in which another sum was reserved, and what was
-- counted wrongly of users
local repaired, slots = {}, {}

local function set_count(name, key, user, count)
  local counted = redis.call('HGET', key, user) or '0'
  if counted == tostring(count) then return end
  slots[#slots + 1] = 'user ' .. user .. ': ' .. name .. ' ' .. counted .. ', not ' .. count
  if count == 0 then
    redis.call('HDEL', key, user)
  else
    redis.call('HSET', key, user, count)
  end
end
local function reserve(day, user, needed)
  local key = spend_prefix .. day
  local missing = needed - tonumber(redis.call('HGET', key, 'reserved:' .. user) or '0')
  if missing == 0 then return end
  for _, entry in ipairs({'reserved', 'reserved:' .. user, 'user:' .. user}) do
    if redis.call('HINCRBY', key, entry, missing) == 0 then redis.call('HDEL', key, entry) end
  end
  redis.call('EXPIRE', key, spend_kept_s)
  repaired[#repaired + 1] = day
end

for _, user in ipairs(users) do
  local waiting_count, active_count, reserved = 0, 0, {}
  for day in days:gmatch('[^,]+') do reserved[day] = 0 end
  for _, id in ipairs(redis.call('ZRANGE', user_jobs_prefix .. user, 0, -1)) do
    local job = redis.call('HMGET', job_prefix .. id, 'state', 'spend_day', 'reserved_micro')
    local day, micro = job[2] or '', tonumber(job[3] or '0')
    if job[1] == 'queued' then
      waiting_count = waiting_count + 1
    elseif job[1] then
      active_count = active_count + 1
    else
      redis.call('ZREM', user_jobs_prefix .. user, id)
    end
    if day ~= '' and micro > 0 then reserved[day] = (reserved[day] or 0) + micro end
  end
  set_count('waiting', waiting, user, waiting_count)
  set_count('active', active, user, active_count)
  for day, needed in pairs(reserved) do reserve(day, user, needed) end
end
return {'ok', repaired, slots}
