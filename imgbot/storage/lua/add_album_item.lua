-- One item of an album, kept once, and when the album counts as whole.
-- KEYS 1 album 2 albums 3 the person's open album 4 when it began
-- ARGV 1 album id 2 item 3 now ms 4 quiet ms 5 limit ms 6 most items 7 whole now (1 or 0)
-- Telegram sends ten at most; what lies here without an end must stay small.
if redis.call('LLEN', KEYS[1]) < 50 and not redis.call('LPOS', KEYS[1], ARGV[2]) then
  redis.call('RPUSH', KEYS[1], ARGV[2])
end
redis.call('SET', KEYS[3], ARGV[1], 'EX', 10)
redis.call('SET', KEYS[4], ARGV[3], 'NX')
local due = math.min(
  tonumber(ARGV[3]) + tonumber(ARGV[4]),
  tonumber(redis.call('GET', KEYS[4])) + tonumber(ARGV[5])
)
if ARGV[7] == '1' or redis.call('LLEN', KEYS[1]) >= tonumber(ARGV[6]) then due = ARGV[3] end
redis.call('ZADD', KEYS[2], due, ARGV[1])
return {'ok'}
