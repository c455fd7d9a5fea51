-- Cancels jobs of a user: a waiting one leaves the queue at once, a running one is flagged. Either
-- way the runner writes the last sentence, so that no status message stays as it was. All at once:
-- else a waiting job would take the place of a cancelled one.
-- KEYS: queue job: tags active due wake user_tags
-- ARGV: user_id now_ms reason ids...
-- FLAGS: fenced allow-oom
-- Returns the verdict on each
local function cancel(id)
  local job = job_prefix .. id
  local seen = redis.call('HMGET', job, 'state', 'user_id', 'is_cancelled', 'reason')
  if not seen[1] then return 'gone' end
  if seen[2] ~= user_id then return 'not_yours' end
  if seen[3] == '1' then
    -- A ban or /forget_me stops also what its user has cancelled, which might go on.
    if seen[4] == 'cancelled' then redis.call('HSET', job, 'reason', reason) end
    return 'ok'
  end
  if seen[1] == 'rendering' or seen[1] == 'delivering' then return 'too_late' end
  -- Nothing more can be done for its user.
  if seen[4] == 'cancelled_late' and reason == 'cancelled' then return seen[4] end
  redis.call('ZREM', tags, id)
  redis.call('HSET', job, 'is_cancelled', 1, 'reason', reason)
  if seen[1] == 'queued' then
    redis.call('LREM', queue, 1, id)
    -- A job that was never served does not count against the user's next one.
    if redis.call('HEXISTS', user_tags, user_id) == 1 then
      redis.call('HINCRBY', user_tags, user_id, -1)
    end
    redis.call('HINCRBY', active, user_id, 1)
    redis.call('HSET', job, 'state', 'delivering', 'outcome', 'cancelled', 'claimed_ms', now_ms)
    redis.call('HINCRBY', job, 'version', 1)
    redis.call('ZADD', due, now_ms, id)
  else
    -- Most urgent, until it moves: the wake-up may be lost.
    redis.call('ZADD', due, 0, id)
  end
  redis.call('LPUSH', wake, id)
  return 'ok'
end
local verdicts = {}
for i, id in ipairs(ids) do verdicts[i] = cancel(id) end
return verdicts
