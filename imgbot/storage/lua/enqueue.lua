-- Admits a job: once per id, within the caps, at its fair place in the line.
-- KEYS 1 queue 2 job 3 done 4 tags 5 virtual time 6 user tags 7 sequence 8 waiting
--      9 mine 10 announce 11 wake 12 epoch 13 the day's money 14 since
-- ARGV 1 epoch 2 id 3 user id 4 queue limit 5 waiting limit 6 now ms 7 price
--      8 ceiling of the day (empty: none) 9 ceiling of the user 10 money kept s 11… field value
-- Start-time fair queueing: a job's tag is max(virtual time, its user's last tag + 1),
-- so twenty jobs of one user line up behind the first jobs of everyone else.
if redis.call('GET', KEYS[12]) ~= ARGV[1] then return {'fenced'} end
local id, user = ARGV[2], ARGV[3]
if redis.call('EXISTS', KEYS[2], KEYS[3]) > 0 then return {'duplicate'} end
if redis.call('LLEN', KEYS[1]) >= tonumber(ARGV[4]) then return {'full'} end
local waiting = tonumber(redis.call('HGET', KEYS[8], user) or '0')
if waiting >= tonumber(ARGV[5]) then return {'many', waiting} end
local price = tonumber(ARGV[7])
if price > 0 then
  local spent = redis.call('HMGET', KEYS[13], 'charged', 'reserved', 'user:' .. user)
  for i = 1, 3 do spent[i] = tonumber(spent[i] or '0') end
  local ceiling, own = tonumber(ARGV[8]), tonumber(ARGV[9])
  if ceiling and spent[1] + spent[2] + price > ceiling then return {'budget'} end
  if own and spent[3] + price > own then return {'user_budget'} end
end

local served = tonumber(redis.call('GET', KEYS[5]) or '0')
local last = tonumber(redis.call('HGET', KEYS[6], user) or '0')
local start = math.max(served, last)
redis.call('HSET', KEYS[6], user, string.format('%.0f', start + 1))
local sequence = redis.call('INCR', KEYS[7]) % 1000000
local tag = string.format('%.0f', start * 1000000 + sequence)
local after = redis.call('ZRANGE', KEYS[4], '(' .. tag, '+inf', 'BYSCORE', 'LIMIT', 0, 1)[1]
redis.call('ZADD', KEYS[4], tag, id)
if not after or redis.call('LINSERT', KEYS[1], 'BEFORE', after, id) < 0 then
  redis.call('RPUSH', KEYS[1], id)
end
redis.call('HSET', KEYS[2], 'id', id, 'user_id', user, 'state', 'queued', 'version', 0,
  'created_ms', ARGV[6], unpack(ARGV, 11))
redis.call('HINCRBY', KEYS[8], user, 1)
redis.call('ZADD', KEYS[9], ARGV[6], id)
redis.call('ZADD', KEYS[10], ARGV[6], id)
redis.call('ZADD', KEYS[14], ARGV[6], id)
redis.call('LPUSH', KEYS[11], id)
redis.call('LTRIM', KEYS[11], 0, 999)
if price > 0 then
  for _, entry in ipairs({'reserved', 'reserved:' .. user, 'user:' .. user}) do
    redis.call('HINCRBY', KEYS[13], entry, ARGV[7])
  end
  redis.call('EXPIRE', KEYS[13], ARGV[10])
end
return {'ok', redis.call('ZRANK', KEYS[4], id) + 1}
