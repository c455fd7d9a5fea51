-- Forgets the items of an album that were handled; what came meanwhile stays due.
-- KEYS 1 album 2 albums 3 when it began 4 the job it became
-- ARGV 1 album id 2 job id (empty: none) 3… items
for i = 3, #ARGV do redis.call('LREM', KEYS[1], 1, ARGV[i]) end
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('DEL', KEYS[3])
end
if ARGV[2] ~= '' then redis.call('SET', KEYS[4], ARGV[2], 'EX', 3600) end
return {'ok'}
