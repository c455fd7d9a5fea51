-- Makes the queue agree with its jobs: one that waits is in the line once, a claimed one is due.
-- KEYS 1 queue 2 tags 3 since 4 due 5 epoch
-- ARGV 1 epoch 2 now ms 3 job prefix 4 prefix of a user's jobs
--      5… ids, each with how often it was seen in the line a moment ago
-- Returns strays removed, lost jobs put back, and the users of the jobs
if redis.call('GET', KEYS[5]) ~= ARGV[1] then return {'fenced'} end
local strays, lost, users = 0, 0, {}

local function leave(id, seen)
  if seen > 0 then strays = strays + redis.call('LREM', KEYS[1], 0, id) end
  redis.call('ZREM', KEYS[2], id)
  redis.call('ZREM', KEYS[3], id)
end
local function line_up(id, seen, created)
  local tag = redis.call('ZSCORE', KEYS[2], id)
  if seen > 1 then
    local at = redis.call('LPOS', KEYS[1], id, 'COUNT', 0)
    if #at > 1 then strays = strays + redis.call('LREM', KEYS[1], 1 - #at, id) end
  elseif seen == 0 and not (tag and redis.call('LPOS', KEYS[1], id)) then
    redis.call('RPUSH', KEYS[1], id)
    lost = lost + 1
  end
  if not tag then
    local last = redis.call('ZRANGE', KEYS[2], 0, 0, 'REV', 'WITHSCORES')[2] or '0'
    redis.call('ZADD', KEYS[2], string.format('%.0f', tonumber(last) + 1), id)
  end
  redis.call('ZADD', KEYS[3], 'NX', created, id)
end

for i = 5, #ARGV, 2 do
  local id, seen = ARGV[i], tonumber(ARGV[i + 1])
  local job = redis.call('HMGET', ARGV[3] .. id, 'state', 'user_id', 'created_ms')
  local is_waiting, is_due = job[1] == 'queued', redis.call('ZSCORE', KEYS[4], id)
  if is_waiting then line_up(id, seen, job[3] or ARGV[2]) else leave(id, seen) end
  if is_due and (is_waiting or not job[1]) then
    redis.call('ZREM', KEYS[4], id)
    strays = strays + 1
  elseif job[1] and not is_waiting and not is_due then
    redis.call('ZADD', KEYS[4], ARGV[2], id)
    lost = lost + 1
  end
  if job[2] then
    redis.call('ZADD', ARGV[4] .. job[2], 'NX', job[3] or ARGV[2], id)
    users[#users + 1] = job[2]
  end
end
return {'ok', strays, lost, users}
