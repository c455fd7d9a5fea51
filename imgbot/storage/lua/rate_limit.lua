-- Counts a request, or so many at once, once, however often its update is handled.
-- KEYS: once: refused:
-- ARGV: counter request count max_requests window_ms kept_ms user_id waited_out_ms
-- Returns allowed (1 or 0), remaining, wait ms
local limit, counted = tonumber(max_requests), once_prefix .. 'counted.' .. request
-- A full Redis refuses the write of what is there, too.
if redis.call('EXISTS', counted) == 1 then
  return {1, math.max(limit - (redis.call('GET', counter) or 0), 0), 0}
end
redis.call('SET', counted, 1, 'PX', kept_ms)
local sum = redis.call('INCRBY', counter, count)
if sum == tonumber(count) then redis.call('PEXPIRE', counter, window_ms) end
if sum <= limit then return {1, limit - sum, 0} end
redis.call('DEL', counted)
redis.call('DECRBY', counter, count)
local wait = redis.call('PTTL', counter)
if wait < 0 then
  redis.call('PEXPIRE', counter, window_ms)
  wait = tonumber(window_ms)
end
if wait <= tonumber(waited_out_ms) then return {0, 0, wait} end
-- Only operators look at it.
local refused = refused_prefix .. math.floor(redis.call('TIME')[1] / 3600)
redis.call('ZINCRBY', refused, 1, user_id)
redis.call('ZREMRANGEBYRANK', refused, 0, -1001)
redis.call('EXPIRE', refused, 10800)
return {0, 0, wait}
