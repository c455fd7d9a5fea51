-- Reduces the epoch to its number, which fences its owner.
-- In a cluster it releases the lease: another bot may lead.
-- KEYS: epoch leader
-- FLAGS: fenced
redis.call('SET', epoch, own_epoch:match('^%d+'))
redis.call('DEL', leader)
return {'ok'}
