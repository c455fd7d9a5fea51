-- Appends a photo that came late to a merge that still waits.
-- KEYS: job:id
-- ARGV: id photo unique_id photos_limit
local seen = redis.call('HMGET', job, 'state', 'operation', 'sources')
if seen[1] ~= 'queued' or seen[2] ~= 'merge' then return {'late'} end
local photos = cjson.decode(seen[3])
for _, present in ipairs(photos) do
  if present[2] == unique_id then return {'ok'} end
end
if #photos >= tonumber(photos_limit) then return {'full'} end
-- Spliced as text: decoding and encoding again would change numbers and empty lists.
redis.call('HSET', job, 'sources', seen[3]:sub(1, -2) .. ', ' .. photo .. ']')
return {'ok'}
