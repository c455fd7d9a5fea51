-- Makes the sum reserved on a day agree with what its users have reserved.
-- KEYS: spend:day
-- ARGV: day
-- FLAGS: fenced
-- Returns 1 if it was another sum, else 0
local record, sum = redis.call('HGETALL', spend), 0
for i = 1, #record, 2 do
  if record[i]:match('^reserved:') then sum = sum + tonumber(record[i + 1]) end
end
if tonumber(redis.call('HGET', spend, 'reserved') or '0') == sum then return {'ok', 0} end
redis.call('HSET', spend, 'reserved', sum)
return {'ok', 1}
