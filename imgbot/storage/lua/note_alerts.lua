-- Stores which alerts begin and end, and queues the notices of that for each admin.
-- KEYS: incidents alarm:
-- ARGV: kept change
-- FLAGS: allow-oom
-- change is JSON: begun (name → time), over (names), notices and admins, all of it text.
local told = cjson.decode(change)
for name, began_ms in pairs(told.begun) do redis.call('HSET', incidents, name, began_ms) end
for _, name in ipairs(told.over) do redis.call('HDEL', incidents, name) end
for _, admin in ipairs(told.admins) do
  local waiting = alarm_prefix .. admin
  for _, notice in ipairs(told.notices) do
    if not redis.call('LPOS', waiting, notice) then redis.call('RPUSH', waiting, notice) end
  end
  -- Bounded, so that notices to an unreachable admin do not use more and more memory.
  redis.call('LTRIM', waiting, -kept, -1)
end
return {'ok'}
