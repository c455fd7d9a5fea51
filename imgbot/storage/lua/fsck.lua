-- Makes the queue agree with its jobs: a waiting one is in it once, a claimed one is due.
-- KEYS: queue tags due job: user_jobs:
-- ARGV: now_ms sightings...
-- FLAGS: fenced
-- sightings: job id, how often it was in the queue a moment ago
-- Returns orphaned entries removed, lost jobs re-queued, and the users of the jobs
local orphans, lost, users = 0, 0, {}

local function dequeue(id, seen)
  if seen > 0 then orphans = orphans + redis.call('LREM', queue, 0, id) end
  redis.call('ZREM', tags, id)
end
local function requeue(id, seen)
  local tag = redis.call('ZSCORE', tags, id)
  if seen > 1 then
    local at = redis.call('LPOS', queue, id, 'COUNT', 0)
    if #at > 1 then orphans = orphans + redis.call('LREM', queue, 1 - #at, id) end
  elseif seen == 0 and not (tag and redis.call('LPOS', queue, id)) then
    redis.call('RPUSH', queue, id)
    lost = lost + 1
  end
  if not tag then
    local last = redis.call('ZRANGE', tags, 0, 0, 'REV', 'WITHSCORES')[2] or '0'
    redis.call('ZADD', tags, string.format('%.0f', tonumber(last) + 1), id)
  end
end

for i = 1, #sightings, 2 do
  local id, seen = sightings[i], tonumber(sightings[i + 1])
  local job = redis.call('HMGET', job_prefix .. id, 'state', 'user_id', 'created_ms')
  local is_waiting, is_due = job[1] == 'queued', redis.call('ZSCORE', due, id)
  if is_waiting then
    requeue(id, seen)
  else
    dequeue(id, seen)
  end
  if is_due and (is_waiting or not job[1]) then
    redis.call('ZREM', due, id)
    orphans = orphans + 1
  elseif job[1] and not is_waiting and not is_due then
    redis.call('ZADD', due, now_ms, id)
    lost = lost + 1
  end
  if job[2] then
    redis.call('ZADD', user_jobs_prefix .. job[2], 'NX', job[3] or now_ms, id)
    users[#users + 1] = job[2]
  end
end
return {'ok', orphans, lost, users}
