-- Renews the lease of the bot whose epoch this is: none can take it without opening another.
-- KEYS: leader
-- ARGV: host lease_ms
-- FLAGS: fenced allow-oom
redis.call('SET', leader, own_epoch .. ' ' .. host, 'PX', lease_ms)
return {'ok'}
