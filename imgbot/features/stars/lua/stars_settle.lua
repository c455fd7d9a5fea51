-- Settles the Stars held for jobs that are gone, as one that cannot be read ends without them.
-- KEYS: stars=img:stars:{user} job: tombstone:
-- ARGV: user
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
return {'ok', settled}
