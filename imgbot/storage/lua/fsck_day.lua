-- Makes the sum reserved on a day agree with what its users have reserved.
-- KEYS 1 the day's money 2 epoch
-- ARGV 1 epoch
-- Returns 1 if it was another sum, else 0
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return {'fenced'} end
local record, sum = redis.call('HGETALL', KEYS[1]), 0
for i = 1, #record, 2 do
  if record[i]:match('^reserved:') then sum = sum + tonumber(record[i + 1]) end
end
if tonumber(redis.call('HGET', KEYS[1], 'reserved') or '0') == sum then return {'ok', 0} end
redis.call('HSET', KEYS[1], 'reserved', sum)
return {'ok', 1}
