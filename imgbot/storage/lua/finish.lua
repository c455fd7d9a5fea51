-- Ends a claimed job: tombstone, counters, money, and what outlives it.
-- KEYS 1 job 2 due 3 active 4 mine 5 announce 6 done 7 result 8 dead set 9 dead job 10 stats
--      11 epoch 12 history 13 latest 14 the money of its day
--      15 how the jobs of its day ended 16 the picture's maker (if its handle is known)
-- ARGV 1 epoch 2 id 3 expected version 4 outcome 5 now ms 6 tombstone s 7 keep s
--      8 history length 9 billed (1 or 0) 10 money kept s
--      11 provider.operation 12 operation.status 13… result fields
if redis.call('GET', KEYS[11]) ~= ARGV[1] then return {'fenced'} end
local seen = redis.call('HMGET', KEYS[1], 'version', 'user_id', 'reserved_micro', 'price_micro')
if not seen[1] then return {redis.call('EXISTS', KEYS[6]) == 1 and 'ok' or 'gone'} end
if seen[1] ~= ARGV[3] then return {'stale', seen[1]} end
-- First what frees memory: a script that has written is let through a full memory.
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('SET', KEYS[6], ARGV[4], 'EX', ARGV[6])
if #ARGV > 12 then
  redis.call('HSET', KEYS[7], unpack(ARGV, 13))
  redis.call('EXPIRE', KEYS[7], ARGV[7])
  redis.call('LPUSH', KEYS[12], ARGV[2])
  redis.call('LTRIM', KEYS[12], 0, tonumber(ARGV[8]) - 1)
  redis.call('EXPIRE', KEYS[12], ARGV[7])
  redis.call('SET', KEYS[13], ARGV[2], 'EX', ARGV[7])
  if KEYS[16] then redis.call('SET', KEYS[16], ARGV[2], 'EX', ARGV[7]) end
end
-- The reservation is what the admission took; the charge is what the picture cost.
local reserved, charge = tonumber(seen[3] or '0'), tonumber(seen[4] or '0')
if ARGV[9] ~= '1' then charge = 0 end
local function add(entry, micro)
  if redis.call('HINCRBY', KEYS[14], entry, micro) == 0 then redis.call('HDEL', KEYS[14], entry) end
end
if reserved > 0 then
  add('reserved', -reserved)
  add('reserved:' .. seen[2], -reserved)
  add('user:' .. seen[2], -reserved)
end
if charge > 0 then
  add('charged', charge)
  add('user:' .. seen[2], charge)
  add('of:' .. ARGV[11], charge)
  add('n:' .. ARGV[11], 1)
end
if reserved + charge > 0 then redis.call('EXPIRE', KEYS[14], ARGV[10]) end
if ARGV[4] == 'dead' then
  redis.call('RENAME', KEYS[1], KEYS[9])
  redis.call('EXPIRE', KEYS[9], ARGV[7])
  redis.call('ZADD', KEYS[8], ARGV[5], ARGV[2])
  redis.call('ZREMRANGEBYSCORE', KEYS[8], '-inf', tonumber(ARGV[5]) - tonumber(ARGV[7]) * 1000)
else
  redis.call('DEL', KEYS[1])
end
redis.call('ZREM', KEYS[4], ARGV[2])
redis.call('ZREM', KEYS[5], ARGV[2])
if redis.call('HINCRBY', KEYS[3], seen[2], -1) <= 0 then redis.call('HDEL', KEYS[3], seen[2]) end
redis.call('HINCRBY', KEYS[10], ARGV[4], 1)
redis.call('HINCRBY', KEYS[15], ARGV[12], 1)
redis.call('EXPIRE', KEYS[15], 691200)
return {'ok'}
