-- Takes a dead job back to life where it can end without another order.
-- KEYS 1 dead job 2 job 3 dead set 4 due 5 active 6 mine 7 done 8 wake 9 epoch
-- ARGV 1 epoch 2 id 3 now ms 4… field value
if redis.call('GET', KEYS[9]) ~= ARGV[1] then return {'fenced'} end
if redis.call('EXISTS', KEYS[2]) == 1 then return {'ok'} end
local seen = redis.call('HMGET', KEYS[1], 'user_id', 'created_ms', 'intent_ms', 'is_unbilled')
if not seen[1] then return {'gone'} end
redis.call('RENAME', KEYS[1], KEYS[2])
redis.call('PERSIST', KEYS[2])
redis.call('DEL', KEYS[7])
redis.call('ZREM', KEYS[3], ARGV[2])
redis.call('HSET', KEYS[2], 'is_cancelled', 0, 'tries', 0, 'accepted_ms', 0, 'pending_ms', 0,
  'reserved_micro', 0, unpack(ARGV, 4))
-- Its death has charged what it cost: the books must not hear of it twice.
if tonumber(seen[3] or '0') > 0 and seen[4] ~= '1' then
  redis.call('HSET', KEYS[2], 'price_micro', 0)
end
redis.call('HINCRBY', KEYS[2], 'version', 1)
redis.call('HINCRBY', KEYS[5], seen[1], 1)
redis.call('ZADD', KEYS[4], ARGV[3], ARGV[2])
redis.call('ZADD', KEYS[6], seen[2] or ARGV[3], ARGV[2])
redis.call('LPUSH', KEYS[8], ARGV[2])
redis.call('LTRIM', KEYS[8], 0, 999)
return {'ok'}
