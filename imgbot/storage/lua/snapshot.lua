-- Reads every key of the patterns but those with an excluded prefix, at one moment.
-- ARGV: patterns excluded
-- Both are lists with commas.
-- Returns for each key: its name, its type, when it expires (ms, 0 never), its value
local read = {
  string = function(key) return redis.call('GET', key) end,
  hash = function(key) return redis.call('HGETALL', key) end,
  list = function(key) return redis.call('LRANGE', key, 0, -1) end,
  set = function(key) return redis.call('SMEMBERS', key) end,
  zset = function(key) return redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end,
}
local function is_excluded(key)
  for prefix in excluded:gmatch('[^,]+') do
    if key:sub(1, #prefix) == prefix then return true end
  end
  return false
end
local found = {}
for pattern in patterns:gmatch('[^,]+') do
  for _, key in ipairs(redis.call('KEYS', pattern)) do
    local kind = redis.call('TYPE', key)['ok']
    if read[kind] and not is_excluded(key) then
      local expires = math.max(redis.call('PEXPIRETIME', key), 0)
      found[#found + 1] = {key, kind, expires, read[kind](key)}
    end
  end
end
return found
