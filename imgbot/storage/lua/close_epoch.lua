-- Leaves the number of an epoch alone: an earlier release counts on from it, and knows no words.
-- KEYS 1 epoch
-- ARGV 1 epoch
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'fenced'} end
redis.call('SET', KEYS[1], ARGV[1]:match('^%d+'))
return {'ok'}
