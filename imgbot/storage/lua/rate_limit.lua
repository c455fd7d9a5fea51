-- Counts a request once, however often its update is handled.
-- KEYS: counted:request refused:
-- ARGV: counter request max_requests window_ms kept_ms user_id waited_out_ms
-- Returns allowed (1 or 0), remaining, wait ms
local limit = tonumber(max_requests)
local count = tonumber(redis.call('GET', counter) or '0')
if count >= limit then
  if redis.call('EXISTS', counted) == 1 then return {1, 0, 0} end
  local wait = redis.call('PTTL', counter)
  if wait < 0 then
    redis.call('PEXPIRE', counter, window_ms)
    wait = tonumber(window_ms)
  end
  if wait <= tonumber(waited_out_ms) then return {0, 0, wait} end
  -- Only operators look at it: where the memory is full, the refusal stands without it.
  local refused = refused_prefix .. math.floor(redis.call('TIME')[1] / 3600)
  redis.pcall('ZINCRBY', refused, 1, user_id)
  redis.pcall('ZREMRANGEBYRANK', refused, 0, -1001)
  redis.pcall('EXPIRE', refused, 10800)
  return {0, 0, wait}
end
if redis.call('SET', counted, 1, 'NX', 'PX', kept_ms) then
  count = redis.call('INCR', counter)
  if count == 1 then redis.call('PEXPIRE', counter, window_ms) end
end
return {1, limit - count, 0}
