-- Puts a photo that came late to a merge that still waits.
-- KEYS 1 job
-- ARGV 1 photo as JSON 2 its unique id 3 most photos
local seen = redis.call('HMGET', KEYS[1], 'state', 'operation', 'sources')
if seen[1] ~= 'queued' or seen[2] ~= 'merge' then return {'late'} end
local photos = cjson.decode(seen[3])
for _, photo in ipairs(photos) do
  if photo[2] == ARGV[2] then return {'ok'} end
end
if #photos >= tonumber(ARGV[3]) then return {'full'} end
-- Spliced as text: decoding and encoding again would change numbers and empty lists.
redis.call('HSET', KEYS[1], 'sources', seen[3]:sub(1, -2) .. ', ' .. ARGV[1] .. ']')
return {'ok'}
