-- Settles the Stars held for jobs that are gone, as one that cannot be read ends without them.
-- KEYS: stars=img:stars:{user} job: tombstone:
-- ARGV: user day
-- FLAGS: fenced allow-oom
local record, settled = redis.call('HGETALL', stars), 0
for i = 1, #record, 2 do
  local id = record[i]:match('^job:(.+)')
  if id and redis.call('EXISTS', job_prefix .. id) == 0 then
    local is_delivered = redis.call('GET', tombstone_prefix .. id) == 'delivered'
    redis.call('HDEL', stars, record[i])
    redis.call('HINCRBY', stars, is_delivered and 'spent' or 'balance', record[i + 1])
    settled = settled + 1
  end
end
-- Who has paid nothing has no account: free pictures count for their day alone.
local free_day = redis.call('HGET', stars, 'free_day')
local others = redis.call('HLEN', stars) - 1 - redis.call('HEXISTS', stars, 'free_count')
if free_day and free_day ~= day and others == 0 then
  redis.call('DEL', stars)
end
return {'ok', settled}
