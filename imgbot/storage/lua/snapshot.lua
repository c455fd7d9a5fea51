-- Reads keys at one moment: those named, or else all of the patterns but those excluded.
-- ARGV: patterns excluded names...
-- patterns and excluded, which are prefixes, are lists with commas.
-- Returns for each key: its name, its type, when it expires (ms, 0 never), its value
local read = {
  string = function(key) return redis.call('GET', key) end,
  hash = function(key) return redis.call('HGETALL', key) end,
  list = function(key) return redis.call('LRANGE', key, 0, -1) end,
  set = function(key) return redis.call('SMEMBERS', key) end,
  zset = function(key) return redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end,
}
local found = {}
local function add(key)
  local kind = redis.call('TYPE', key)['ok']
  if read[kind] then
    found[#found + 1] = {key, kind, math.max(redis.call('PEXPIRETIME', key), 0), read[kind](key)}
  end
end
local function is_excluded(key)
  for prefix in excluded:gmatch('[^,]+') do
    if key:sub(1, #prefix) == prefix then return true end
  end
end
for _, key in ipairs(names) do add(key) end
for pattern in patterns:gmatch('[^,]+') do
  for _, key in ipairs(redis.call('KEYS', pattern)) do
    if not is_excluded(key) then add(key) end
  end
end
return found
