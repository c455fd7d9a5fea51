-- Stores which alerts fired and resolved, and queues the notices of that for each admin.
-- KEYS: incidents=img:incidents alarm_prefix=img:alarm:
-- ARGV: kept change
-- FLAGS: allow-oom
-- change is JSON: fired (name → time), resolved (names), notices and admins, all of it text.
local recorded = cjson.decode(change)
for name, fired_ms in pairs(recorded.fired) do redis.call('HSET', incidents, name, fired_ms) end
for _, name in ipairs(recorded.resolved) do redis.call('HDEL', incidents, name) end
for _, admin in ipairs(recorded.admins) do
  local waiting = alarm_prefix .. admin
  for _, notice in ipairs(recorded.notices) do
    if not redis.call('LPOS', waiting, notice) then redis.call('RPUSH', waiting, notice) end
  end
  -- Bounded, so that notices to an unreachable admin do not use more and more memory.
  redis.call('LTRIM', waiting, -kept, -1)
end
return {'ok'}
