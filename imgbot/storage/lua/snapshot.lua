-- Everything of imgbot that hangs together, as it stands at one moment.
-- ARGV 1 patterns of keys 2 prefixes that are left out; both with commas
-- Returns for each key: its name, its type, when it expires (ms, 0 never), its value
local read = {
  string = function(key) return redis.call('GET', key) end,
  hash = function(key) return redis.call('HGETALL', key) end,
  list = function(key) return redis.call('LRANGE', key, 0, -1) end,
  set = function(key) return redis.call('SMEMBERS', key) end,
  zset = function(key) return redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end,
}
local function is_left_out(key)
  for prefix in ARGV[2]:gmatch('[^,]+') do
    if key:sub(1, #prefix) == prefix then return true end
  end
  return false
end
local found = {}
for pattern in ARGV[1]:gmatch('[^,]+') do
  for _, key in ipairs(redis.call('KEYS', pattern)) do
    local kind = redis.call('TYPE', key)['ok']
    if read[kind] and not is_left_out(key) then
      local expires = math.max(redis.call('PEXPIRETIME', key), 0)
      found[#found + 1] = {key, kind, expires, read[kind](key)}
    end
  end
end
return found
