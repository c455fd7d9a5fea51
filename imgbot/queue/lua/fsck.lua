-- Makes the books agree with the jobs: each alive one waits or is due, never both or neither,
-- and what is reserved is what those alive have reserved.
-- KEYS 1 queue 2 tags 3 due 4 waiting 5 active 6 epoch
-- ARGV 1 epoch 2 now ms 3 job prefix 4 money prefix 5 money kept s
--      6 days whose money is checked, with commas 7… ids found alive
-- Returns how many entries were mended: strays, lost, days
if redis.call('GET', KEYS[6]) ~= ARGV[1] then return {'fenced'} end
local line, due, waiting, active, strays, lost = {}, {}, {}, {}, 0, 0
local function look(id)
  local seen = redis.call('HMGET', ARGV[3] .. id, 'state', 'user_id')
  return seen[1], seen[2]
end
local function count(counts, user) counts[user] = (counts[user] or 0) + 1 end

for _, id in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  local state, user = look(id)
  if line[id] or state ~= 'queued' then
    redis.call('LREM', KEYS[1], 1, id)
    strays = strays + 1
  else
    line[id] = true
    count(waiting, user)
  end
end
for _, id in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
  local state, user = look(id)
  if not state or state == 'queued' then
    redis.call('ZREM', KEYS[3], id)
    strays = strays + 1
  else
    due[id] = true
    count(active, user)
  end
end
for i = 7, #ARGV do
  local id = ARGV[i]
  local state, user = look(id)
  if state == 'queued' and not line[id] then
    redis.call('RPUSH', KEYS[1], id)
    count(waiting, user)
    lost = lost + 1
  elseif state and state ~= 'queued' and not due[id] then
    redis.call('ZADD', KEYS[3], ARGV[2], id)
    count(active, user)
    lost = lost + 1
  end
end
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  if look(id) ~= 'queued' then redis.call('ZREM', KEYS[2], id) end
end
for key, counts in pairs({[KEYS[4]] = waiting, [KEYS[5]] = active}) do
  redis.call('DEL', key)
  for user, n in pairs(counts) do redis.call('HSET', key, user, n) end
end

-- A job that was admitted after the ids were listed stands in the line by now, or is due.
local reserved, days = {}, 0
for day in ARGV[6]:gmatch('[^,]+') do reserved[day] = {} end
local function reserve(id)
  local seen = redis.call('HMGET', ARGV[3] .. id, 'spend_day', 'reserved_micro', 'user_id')
  local day, micro = seen[1] or '', tonumber(seen[2] or '0')
  if day == '' or micro == 0 then return end
  reserved[day] = reserved[day] or {}
  reserved[day][seen[3]] = (reserved[day][seen[3]] or 0) + micro
end
local alive = {}
for id in pairs(line) do alive[id] = true end
for id in pairs(due) do alive[id] = true end
for i = 7, #ARGV do alive[ARGV[i]] = true end
for id in pairs(alive) do reserve(id) end
for day, needed in pairs(reserved) do
  local key, sum = ARGV[4] .. day, 0
  for _, micro in pairs(needed) do sum = sum + micro end
  if tonumber(redis.call('HGET', key, 'reserved') or '0') ~= sum then
    days = days + 1
    local record = redis.call('HGETALL', key)
    for i = 1, #record, 2 do
      local user = record[i]:match('^reserved:(.+)$')
      if user then
        redis.call('HINCRBY', key, 'user:' .. user, -tonumber(record[i + 1]))
        redis.call('HDEL', key, record[i])
      end
    end
    for user, micro in pairs(needed) do
      redis.call('HINCRBY', key, 'user:' .. user, micro)
      redis.call('HSET', key, 'reserved:' .. user, micro)
    end
    redis.call('HSET', key, 'reserved', sum)
    redis.call('EXPIRE', key, ARGV[5])
  end
end
return {'ok', strays, lost, days}
