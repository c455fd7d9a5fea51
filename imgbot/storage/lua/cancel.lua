-- A person, or the operator, calls a job off: a waiting one leaves the line at once, a running one is told.
-- Either way the runner writes the last sentence, so that no status message is left lying.
-- KEYS 1 queue 2 job 3 tags 4 waiting 5 active 6 due 7 wake 8 epoch
--      9 since 10 user tags
-- ARGV 1 epoch 2 id 3 user id 4 now ms 5 the reason that the last sentence gives
if redis.call('GET', KEYS[8]) ~= ARGV[1] then return {'fenced'} end
local seen = redis.call('HMGET', KEYS[2], 'state', 'user_id', 'is_cancelled')
if not seen[1] then return {'gone'} end
if seen[2] ~= ARGV[3] then return {'not_yours'} end
if seen[3] == '1' then return {'ok', seen[1]} end
if seen[1] == 'rendering' or seen[1] == 'delivering' then return {'too_late'} end
-- A script that has written is let through a full memory, and this one makes room.
redis.call('ZREM', KEYS[3], ARGV[2])
redis.call('ZREM', KEYS[9], ARGV[2])
redis.call('HSET', KEYS[2], 'is_cancelled', 1, 'reason', ARGV[5])
if seen[1] == 'queued' then
  redis.call('LREM', KEYS[1], 1, ARGV[2])
  -- What was never served does not count against the next one.
  if redis.call('HEXISTS', KEYS[10], ARGV[3]) == 1 then
    redis.call('HINCRBY', KEYS[10], ARGV[3], -1)
  end
  if redis.call('HINCRBY', KEYS[4], ARGV[3], -1) <= 0 then redis.call('HDEL', KEYS[4], ARGV[3]) end
  redis.call('HINCRBY', KEYS[5], ARGV[3], 1)
  redis.call('HSET', KEYS[2], 'state', 'delivering', 'outcome', 'cancelled', 'claimed_ms', ARGV[4])
  redis.call('HINCRBY', KEYS[2], 'version', 1)
  redis.call('ZADD', KEYS[6], ARGV[4], ARGV[2])
end
redis.call('LPUSH', KEYS[7], ARGV[2])
redis.call('LTRIM', KEYS[7], 0, 999)
return {'ok', seen[1]}
