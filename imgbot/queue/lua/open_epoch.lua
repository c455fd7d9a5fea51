-- Whoever calls this writes from now on, and nobody who called it before.
-- KEYS 1 epoch 2 due
-- A script that has written is let through a full memory: what fills it can only be worked off
-- by a bot that starts.
redis.call('ZREM', KEYS[2], '')
return {'ok', redis.call('INCR', KEYS[1])}
