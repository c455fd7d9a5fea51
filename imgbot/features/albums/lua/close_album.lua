-- Removes the items of an album that were handled; items that came meanwhile stay due. `job` holds
-- the id of the job that the album became, if any.
-- KEYS: album=img:album:{album_id} albums=img:albums album_begun=img:album-begun:{album_id}
-- KEYS: album_job=img:album-job:{album_id}
-- ARGV: album_id job_id items...
for i = 1, #items do redis.call('LREM', album, 1, items[i]) end
if redis.call('EXISTS', album) == 0 then
  redis.call('ZREM', albums, album_id)
  redis.call('DEL', album_begun)
end
if job_id ~= '' then redis.call('SET', album_job, job_id, 'EX', 3600) end
return {'ok'}
