-- Forgets the first items of an album, which were handled; what came meanwhile stays due.
-- KEYS 1 album 2 albums 3 when it began 4 the job it became
-- ARGV 1 album id 2 how many items 3 job id (empty: none)
redis.call('LTRIM', KEYS[1], ARGV[2], -1)
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('DEL', KEYS[3])
end
if ARGV[3] ~= '' then redis.call('SET', KEYS[4], ARGV[3], 'EX', 3600) end
return {'ok'}
