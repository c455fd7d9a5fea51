-- Admits a job: once per id, within the caps, at its fair place in the queue.
-- KEYS: queue job:id tombstone:id tags virtual_time user_tags sequence waiting user_jobs:user
-- KEYS: announce since
-- ARGV: id user day queue_limit waiting_limit now_ms awaits_picture holds lists fields...
-- FLAGS: fenced
-- Start-time fair queueing: a job's tag is max(virtual time, its user's last tag + 1),
-- so twenty jobs of one user line up behind the first jobs of everyone else.
-- holds is JSON: what it takes of what is limited, as domain/holds.py says. lists is JSON, too: key,
-- new entry, length, and how long it is kept (s).
-- Returns ok and its place, or the reason against it, with what counts against that limit
if redis.call('EXISTS', job, tombstone) > 0 then return {'duplicate'} end
if redis.call('LLEN', queue) >= tonumber(queue_limit) then return {'full'} end
local own_waiting = tonumber(redis.call('HGET', waiting, user) or '0')
if own_waiting >= tonumber(waiting_limit) then return {'many', own_waiting} end
local held = cjson.decode(holds)
for _, hold in ipairs(held) do
  hold.is_anew = hold.dated and redis.call('HGET', hold.key, hold.dated) ~= day
  if hold.limit then
    local others = {hold.beside or '', hold.raised_in or ''}
    local seen = redis.call('HMGET', hold.key, hold.field, unpack(others))
    for i = 1, 3 do seen[i] = tonumber(seen[i] or '0') end
    local counted = hold.is_anew and 0 or seen[1] + seen[2]
    local left = math.max(hold.limit, seen[3]) - counted - hold.amount
    if (hold.amount < 0 and -left or left) < 0 then return {hold.name, counted} end
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
for _, list in ipairs(cjson.decode(lists)) do
  redis.call('LPUSH', list[1], list[2])
  redis.call('LTRIM', list[1], 0, list[3] - 1)
  redis.call('EXPIRE', list[1], list[4])
end
for _, hold in ipairs(held) do
  if hold.is_anew then redis.call('HSET', hold.key, hold.dated, day, hold.field, 0) end
  redis.call('HINCRBY', hold.key, hold.field, hold.amount)
  if hold.kept_s > 0 then redis.call('EXPIRE', hold.key, hold.kept_s) end
end
return {'ok', redis.call('ZRANK', tags, id) + 1}
