-- Takes the first waiting job whose user is below their cap, whose chat is not full, and which does
-- not await the picture that its parent is making; and leases it.
-- KEYS: queue tags user_tags due active last_claim job:
-- ARGV: now_ms running_limit scan_limit token begin full_chats idle_users
-- FLAGS: fenced
-- full_chats is a list with commas, also at both ends. idle_users has the user of each running job
-- that has left its place to others, each between semicolons; such a job does not count for the cap.
-- Returns ok, the job and if others wait, empty and that, or more and the tag to go on at
local function dequeue(id)
  redis.call('LREM', queue, 1, id)
  redis.call('ZREM', tags, id)
end
-- The client repeats commands by itself: the same token gets the same job again.
local last_token, claimed = (redis.call('GET', last_claim) or ''):match('^(%S+) (%S+)$')
if last_token == token and redis.call('EXISTS', job_prefix .. claimed) == 1 then
  return {'ok', redis.call('HGETALL', job_prefix .. claimed), 1}
end
local found = redis.call('ZRANGE', tags, begin, '+inf', 'BYSCORE', 'LIMIT', 0, scan_limit,
  'WITHSCORES')
local is_capped = {}
for i = 1, #found, 2 do
  local id, tag = found[i], tonumber(found[i + 1])
  local job = job_prefix .. id
  local seen = redis.call('HMGET', job, 'state', 'user_id', 'chat_id', 'sources', 'parent',
    'version')
  local user = seen[2]
  -- A photo without a file id is the picture that is being made.
  local awaits_picture = (seen[4] or ''):sub(1, 4) == '[[""'
    and redis.call('EXISTS', job_prefix .. (seen[5] or '')) == 1
  local is_held = awaits_picture or full_chats:find(',' .. (seen[3] or '') .. ',', 1, true)
  if seen[1] ~= 'queued' then
    dequeue(id)
  elseif is_capped[user] == nil then
    local _, idle = idle_users:gsub(';' .. user .. ';', '')
    local running = tonumber(redis.call('HGET', active, user) or '0') - idle
    is_capped[user] = running >= tonumber(running_limit)
  end
  if seen[1] == 'queued' and not is_capped[user] and not is_held then
    dequeue(id)
    local others = begin == '-inf' and #found == 2 and 0 or 1
    if others == 0 then
      redis.call('DEL', user_tags)
    else
      local served = tonumber(redis.call('HGET', user_tags, 'served') or '0')
      local start = math.max(served, math.floor(tag / 1000000))
      redis.call('HSET', user_tags, 'served', string.format('%.0f', start))
    end
    redis.call('HSET', job, 'state', 'submitting', 'claimed_ms', now_ms, 'version',
      (seen[6] or 0) + 1)
    redis.call('HINCRBY', active, user, 1)
    redis.call('ZADD', due, now_ms, id)
    redis.call('SET', last_claim, token .. ' ' .. id)
    return {'ok', redis.call('HGETALL', job), others}
  end
end
if #found == 2 * tonumber(scan_limit) then return {'more', '(' .. found[#found]} end
-- Behind an earlier page there are others.
return {'empty', begin == '-inf' and #found or 1}
