-- Whoever calls this writes from now on, and nobody who called it before.
-- The number alone would not do: a replica that lost the last of them gives it out twice.
-- KEYS 1 epoch 2 due
-- ARGV 1 a unique word
-- A script that has written is let through a full memory: what fills it can only be worked off
-- by a bot that starts.
redis.call('ZREM', KEYS[2], '')
local number = tonumber((redis.call('GET', KEYS[1]) or ''):match('^%d+') or '0') + 1
local epoch = string.format('%.0f-%s', number, ARGV[1])
redis.call('SET', KEYS[1], epoch)
return {'ok', epoch}
