-- Admits a job: once per id, within the caps, at its fair place in the queue.
-- KEYS: queue job:id tombstone:id tags user_tags active user_jobs:user announce
-- ARGV: id user day queue_limit waiting_limit together now_ms holds lists fields...
-- FLAGS: fenced
-- Start-time fair queueing: a job's tag is max(virtual time, its user's last tag + 1),
-- so twenty jobs of one user line up behind the first jobs of everyone else. The id breaks ties.
-- The first of several that are ordered together is admitted if there is room for all of them.
-- holds is JSON: what it takes of what is limited, as domain/holds.py says. lists is JSON, too: key,
-- new entry, length, and how long it is kept (s).
-- Returns ok and its place, or the reason against it, with what counts against that limit
if redis.call('EXISTS', job, tombstone) > 0 then return {'duplicate'} end
local place = redis.call('LLEN', queue) + 1
if place + together - 1 > tonumber(queue_limit) then return {'full'} end
local own = redis.call('ZCARD', user_jobs)
if own + together > tonumber(waiting_limit) then
  own = own - (redis.call('HGET', active, user) or 0)
  if own + together > tonumber(waiting_limit) then return {'many', own} end
end
local held = cjson.decode(holds)
for _, hold in ipairs(held) do
  hold.is_anew = hold.dated and redis.call('HGET', hold.key, hold.dated) ~= day
  if hold.limit then
    local others = {hold.beside or '', hold.raised_in or ''}
    local seen = redis.call('HMGET', hold.key, hold.field, unpack(others))
    for i = 1, 3 do seen[i] = tonumber(seen[i] or '0') end
    local counted = hold.is_anew and 0 or seen[1] + seen[2]
    local left = math.max(hold.limit, seen[3]) - counted - hold.amount * together
    if (hold.amount < 0 and -left or left) < 0 then return {hold.name, counted} end
  end
end

local last = redis.call('HMGET', user_tags, 'served', user)
local start = math.max(tonumber(last[1] or '0'), tonumber(last[2] or '0'))
redis.call('HSET', user_tags, user, string.format('%.0f', start + 1))
local tag = string.format('%.0f', start * 1000000 + (id:match('%d+') or 0) % 1000000)
local after = place > 1 and redis.call('ZRANGE', tags, '(' .. tag, '+inf', 'BYSCORE', 'LIMIT', 0, 1)[1]
redis.call('ZADD', tags, tag, id)
if after and redis.call('LINSERT', queue, 'BEFORE', after, id) > 0 then
  place = redis.call('ZRANK', tags, id) + 1
else
  redis.call('RPUSH', queue, id)
end
redis.call('HSET', job, 'id', id, 'user_id', user, 'state', 'queued', 'version', 0,
  'created_ms', now_ms, unpack(fields))
for _, index in ipairs({user_jobs, announce}) do redis.call('ZADD', index, now_ms, id) end
for _, list in ipairs(cjson.decode(lists)) do
  local length = redis.call('LPUSH', list[1], list[2])
  if length > list[3] then redis.call('LTRIM', list[1], 0, list[3] - 1) end
  redis.call('EXPIRE', list[1], list[4])
end
for _, hold in ipairs(held) do
  if hold.is_anew then redis.call('HSET', hold.key, hold.dated, day, hold.field, 0) end
  local sum = redis.call('HINCRBY', hold.key, hold.field, hold.amount)
  -- Else the key is there, and expires.
  if hold.kept_s > 0 and sum == hold.amount then redis.call('EXPIRE', hold.key, hold.kept_s) end
end
return {'ok', place}
