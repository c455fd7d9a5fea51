-- Credits a payment once, by its charge. One that buys nothing, or of a banned user, is to be
-- refunded.
-- KEYS: stars=img:stars:{user} refunds=img:star-refunds banned
-- ARGV: user charge price credit at_ms is_monthly
-- FLAGS: fenced allow-oom
local paid, back = 'paid:' .. charge, 'back:' .. charge
if redis.call('HEXISTS', stars, paid) == 1 then return {'known'} end
local is_back = redis.call('HEXISTS', stars, back) == 1
if is_back or redis.call('SISMEMBER', banned, user) == 1 then credit = '0' end
redis.call('HSET', stars, paid, price .. ' ' .. credit .. ' ' .. at_ms)
if is_monthly == '1' then redis.call('HSET', stars, 'month:' .. charge, 1) end
if is_back then return {'known'} end
if credit == '0' then
  redis.call('HSET', stars, back, at_ms)
  redis.call('ZADD', refunds, 0, user .. ' ' .. charge)
  return {'refused'}
end
redis.call('HINCRBY', stars, 'balance', credit)
return {'ok'}
