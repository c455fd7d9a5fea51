-- Admits a job: once per id, within the caps, at its fair place in the queue.
-- KEYS: queue job:id tombstone:id tags virtual_time user_tags sequence waiting user_jobs:user
-- KEYS: announce spend:day stars:user since recent:place spend_kept_s result_kept_s history_length
-- ARGV: id user day queue_limit waiting_limit now_ms price_micro day_limit_micro user_limit_micro
-- ARGV: place recent_entry awaits_picture star_price free_limit user_pictures group_pictures
-- ARGV: fields...
-- FLAGS: fenced
-- Start-time fair queueing: a job's tag is max(virtual time, its user's last tag + 1),
-- so twenty jobs of one user line up behind the first jobs of everyone else.
if redis.call('EXISTS', job, tombstone) > 0 then return {'duplicate'} end
if redis.call('LLEN', queue) >= tonumber(queue_limit) then return {'full'} end
local own_waiting = tonumber(redis.call('HGET', waiting, user) or '0')
if own_waiting >= tonumber(waiting_limit) then return {'many', own_waiting} end
local price = tonumber(price_micro)
if price > 0 then
  local spent = redis.call('HMGET', spend, 'charged', 'reserved', 'user:' .. user, 'ceiling')
  for i = 1, 4 do spent[i] = tonumber(spent[i] or '0') end
  local day_limit, user_limit = tonumber(day_limit_micro), tonumber(user_limit_micro)
  -- An admin may have raised it for this day.
  if day_limit then day_limit = math.max(day_limit, spent[4]) end
  if day_limit and spent[1] + spent[2] + price > day_limit then return {'budget'} end
  if user_limit and spent[3] + price > user_limit then return {'user_budget'} end
end
local group = place:match('^%-%d+')
local quotas = {['pictures:' .. user] = tonumber(user_pictures)}
if group then quotas['pictures:' .. group] = tonumber(group_pictures) end
for entry, quota in pairs(quotas) do
  if tonumber(redis.call('HGET', spend, entry) or '0') >= quota then
    return {entry == 'pictures:' .. user and 'user_pictures' or 'group_pictures'}
  end
end
local stars_held, free_count = tonumber(star_price), 0
if stars_held > 0 then
  local account = redis.call('HMGET', stars, 'balance', 'free_day', 'free_count')
  if account[2] == day then free_count = tonumber(account[3] or '0') end
  local balance = tonumber(account[1] or '0')
  if free_count < tonumber(free_limit) then
    stars_held = 0
  elseif balance < stars_held then
    return {'stars', balance}
  end
end

local served = tonumber(redis.call('GET', virtual_time) or '0')
local last = tonumber(redis.call('HGET', user_tags, user) or '0')
local start = math.max(served, last)
redis.call('HSET', user_tags, user, string.format('%.0f', start + 1))
local tie_break = redis.call('INCR', sequence) % 1000000
local tag = string.format('%.0f', start * 1000000 + tie_break)
local after = redis.call('ZRANGE', tags, '(' .. tag, '+inf', 'BYSCORE', 'LIMIT', 0, 1)[1]
redis.call('ZADD', tags, tag, id)
if not after or redis.call('LINSERT', queue, 'BEFORE', after, id) < 0 then
  redis.call('RPUSH', queue, id)
end
redis.call('HSET', job, 'id', id, 'user_id', user, 'state', 'queued', 'version', 0,
  'created_ms', now_ms, unpack(fields))
redis.call('HINCRBY', waiting, user, 1)
for _, index in ipairs({user_jobs, announce}) do redis.call('ZADD', index, now_ms, id) end
-- It is not for the queue that a job waits which awaits a picture.
if awaits_picture == '0' then redis.call('ZADD', since, now_ms, id) end
if recent_entry ~= '' then
  redis.call('LPUSH', recent, recent_entry)
  redis.call('LTRIM', recent, 0, history_length - 1)
  redis.call('EXPIRE', recent, result_kept_s)
end
if price > 0 then
  for _, entry in ipairs({'reserved', 'reserved:' .. user, 'user:' .. user}) do
    redis.call('HINCRBY', spend, entry, price_micro)
  end
  redis.call('EXPIRE', spend, spend_kept_s)
end
for entry in pairs(quotas) do
  redis.call('HINCRBY', spend, entry, 1)
  redis.call('EXPIRE', spend, spend_kept_s)
end
if star_price ~= '0' then
  redis.call('HSET', stars, 'job:' .. id, stars_held)
  redis.call('HSET', job, 'stars', stars_held)
  if stars_held > 0 then
    redis.call('HINCRBY', stars, 'balance', -stars_held)
  else
    redis.call('HSET', stars, 'free_day', day, 'free_count', free_count + 1)
  end
end
return {'ok', redis.call('ZRANK', tags, id) + 1}
