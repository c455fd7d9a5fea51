-- Takes the lease of the bot that leads, unless another holds it, and opens an epoch with it.
-- Its value is that epoch, the name of its machine, since when it leads (Unix, s), and how long after
-- the last renewal by the leader before, where it knows that.
-- KEYS: epoch leader
-- ARGV: uuid about lease_ms
-- FLAGS: allow-oom
local held = redis.call('GET', leader)
if held and not held:find(uuid, 1, true) then
  -- A clock that was set back would hold it for as long.
  if redis.call('PTTL', leader) > tonumber(lease_ms) then redis.call('PEXPIRE', leader, lease_ms) end
  return {'held', held}
end
if held then return {'ok', held:match('^%S+')} end
local number = tonumber((redis.call('GET', epoch) or ''):match('^%d+') or '0') + 1
local opened = string.format('%.0f-%s', number, uuid)
redis.call('SET', epoch, opened)
redis.call('SET', leader, opened .. ' ' .. about, 'PX', lease_ms)
return {'ok', opened}
