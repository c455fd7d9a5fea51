-- Takes a payment off the balance once, and has it refunded, unless Telegram has done so.
-- KEYS: stars=img:stars:{user} refunds=img:star-refunds
-- ARGV: user charge now_ms is_refunded is_unused
-- FLAGS: fenced allow-oom
local member, back = user .. ' ' .. charge, 'back:' .. charge
if is_refunded == '1' then redis.call('ZREM', refunds, member) end
if redis.call('HEXISTS', stars, back) == 1 then return {'known'} end
local paid = redis.call('HGET', stars, 'paid:' .. charge)
local credit = tonumber(paid and paid:match('^%d+ (%d+)') or '0')
if is_refunded ~= '1' then
  if not paid then return {'unknown'} end
  local balance = tonumber(redis.call('HGET', stars, 'balance') or '0')
  if is_unused == '1' and balance < credit then return {'used'} end
  redis.call('ZADD', refunds, 0, member)
end
redis.call('HSET', stars, back, now_ms)
redis.call('HINCRBY', stars, 'balance', -credit)
return {'ok'}
