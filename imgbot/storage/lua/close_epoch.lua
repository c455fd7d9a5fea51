-- Reduces the epoch to its number: an earlier release counts on from it, and knows no uuid.
-- KEYS: epoch
-- FLAGS: fenced
redis.call('SET', epoch, own_epoch:match('^%d+'))
return {'ok'}
