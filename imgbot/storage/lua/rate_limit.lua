-- Counts a request once, however often its update is handled.
-- KEYS 1 count 2 counted request 3 prefix of the refusals of an hour
-- ARGV 1 limit 2 window ms 3 how long a request is remembered, ms 4 user id
-- Returns allowed (1 or 0), remaining, wait ms
local limit = tonumber(ARGV[1])
local count = tonumber(redis.call('GET', KEYS[1]) or '0')
if redis.call('EXISTS', KEYS[2]) == 1 then return {1, math.max(limit - count, 0), 0} end
local wait = redis.call('PTTL', KEYS[1])
if count > 0 and wait < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  wait = tonumber(ARGV[2])
end
if count >= limit then
  -- For the operator's eyes only: where the memory is full, the refusal stands without it.
  local refused = KEYS[3] .. math.floor(redis.call('TIME')[1] / 3600)
  redis.pcall('ZINCRBY', refused, 1, ARGV[4])
  redis.pcall('ZREMRANGEBYRANK', refused, 0, -1001)
  redis.pcall('EXPIRE', refused, 10800)
  return {0, 0, wait}
end
count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
redis.call('SET', KEYS[2], 1, 'PX', ARGV[3])
return {1, limit - count, 0}
