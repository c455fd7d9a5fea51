-- Opens a new epoch: its caller writes from now on, every earlier one is fenced.
-- The number alone would not do: a replica that lost the last of them gives it out twice.
-- KEYS: epoch
-- ARGV: uuid
-- FLAGS: allow-oom
local number = tonumber((redis.call('GET', epoch) or ''):match('^%d+') or '0') + 1
local opened = string.format('%.0f-%s', number, uuid)
redis.call('SET', epoch, opened)
return {'ok', opened}
