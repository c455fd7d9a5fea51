-- Renews the lease of the bot whose epoch this is: none can take it without opening another.
-- KEYS: leader
-- ARGV: about lease_ms
-- FLAGS: fenced allow-oom
redis.call('SET', leader, own_epoch .. ' ' .. about, 'PX', lease_ms)
return {'ok'}
