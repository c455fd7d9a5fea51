-- Adds an item to an album, once, and sets when the album counts as complete.
-- KEYS: album=img:album:{album_id} albums=img:albums album_begun=img:album-begun:{album_id}
-- KEYS: album_open=img:album-open:{person}
-- ARGV: album_id person item now_ms quiet_ms limit_ms items_limit is_complete
-- Telegram sends ten at most; an album that never ends must stay small.
if redis.call('LLEN', album) < 50 and not redis.call('LPOS', album, item) then
  redis.call('RPUSH', album, item)
end
redis.call('SET', album_open, album_id, 'EX', 10)
redis.call('SET', album_begun, now_ms, 'NX')
local due = math.min(
  tonumber(now_ms) + tonumber(quiet_ms),
  tonumber(redis.call('GET', album_begun)) + tonumber(limit_ms)
)
if is_complete == '1' or redis.call('LLEN', album) >= tonumber(items_limit) then due = now_ms end
redis.call('ZADD', albums, due, album_id)
return {'ok'}
