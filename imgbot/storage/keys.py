"""Redis keys, each with its content and lifetime.

Nothing else may use the prefixes `rq:queue:`, `rq:job:` and `rate_limit:`: operators count them.
"""

TOMBSTONE_S = 172_800  # 48 h: Telegram repeats an unconfirmed update for 24 h
RESULT_KEPT_S = 2_592_000  # 30 days
SPEND_KEPT_S = 3_456_000  # 40 days: a whole month can be reported
HISTORY_LENGTH = 20

QUEUE = "rq:queue:img_queue"  # LIST: waiting job ids in queue order
JOB = "rq:job:"  # HASH per live job, by id
RATE_LIMIT = "rate_limit:"  # STRING per user id with a TTL: requests in the window
# STRING per user id with a TTL: commands in the window, as long as that of requests.
COMMANDS = "img:commands:"
# ZSET per hour since 1970, three hours: user ids by their requests over the rate limit, the 1,000
# with the most.
REFUSED = "img:refused:"
# STRING per request, an hour: marks it as counted, so that a repeated update is not counted.
COUNTED = "img:counted:"
DUE = "img:due"  # ZSET: claimed jobs by the time (ms) of their next check
TAGS = "img:tags"  # ZSET: waiting ids by their fair-queueing tag
SINCE = "img:since"  # ZSET: waiting ids by the time (ms) of their creation
VIRTUAL_TIME = "img:vt"  # STRING: the tag of the latest claim
USER_TAGS = "img:vft"  # HASH: user id → the lowest tag that their next job can get
SEQUENCE = "img:seq"  # STRING: a counter that breaks ties between tags
WAITING = "img:waiting"  # HASH: user id → number of waiting jobs
ACTIVE = "img:active"  # HASH: user id → number of claimed jobs that have not ended
USER_JOBS = "img:mine:"  # ZSET per user id: their live jobs by the time (ms) of their creation
# STRING: the epoch that owns the queue, `<number>-<uuid>`; every other is fenced off.
EPOCH = "img:epoch"
# STRING: token and id of the latest claim, for a claim whose reply was lost.
LAST_CLAIM = "img:lastclaim"
# ZSET: jobs without a status message yet, by the time (ms) of the next attempt.
ANNOUNCE = "img:announce"
# LIST, bounded: ids that the runner should check now; of earlier releases `+new` as well.
WAKE = "img:wake"
TOMBSTONE = "img:done:"  # STRING per ended job, 48 h: longer than Telegram repeats an update
# HASH per delivered job, 30 days: the result, as the buttons under a picture need it.
RESULT = "img:result:"
DEAD = "img:dead"  # ZSET: dead jobs by the time (ms) of their death
DEAD_JOB = "img:dead:"  # HASH per dead job, 30 days
STATS = "img:stats"  # HASH: outcome → number of jobs since the first start
UPDATE = "img:update:"  # STRING per handled update, 48 h
# ZSET: chats with deferred updates by the time (ms) of the next attempt at the first.
DEFERRED = "img:deferred"
# ZSET per chat, at most 400: deferred updates by id, as JSON: time received (ms), the update.
DEFERRED_OF = "img:deferred:"
POISON = "img:updates:dead"  # LIST, the last 1,000: updates whose handling failed, as received
DIALOGUE = "img:fsm"  # Prefix of the dialogue states, one day
TAP_GUARD = "img:tap:"  # STRING, 3 s: a button just tapped, so that a double tap counts once
# STRING: a counter, written before each wait for the disk and to test if Redis is writable.
SYNCS = "img:syncs"
# STRING, an hour: a decision for an update, in case it is handled again; the owner of a task.
CHOICE = "img:choice:"
# HASH per user id: their preferences, the language of their client and of their texts, their @name
# in lower case, and whether they were told which engine makes pictures.
USER = "img:user:"
# HASH: @name in lower case → id of the user who had it when they last wrote.
USERNAMES = "img:names"
# HASH per user id, 90 days since the latest choice: digest of an ambiguous wording → what the user
# chose for it, `create` or `change`.
MEANT = "img:meant:"
# ZSET: users with a private chat, by the time (ms, to a day) of their latest update in it.
PEOPLE = "img:people"
UNSUBSCRIBED = "img:unsubscribed"  # SET: user ids that unsubscribed from broadcasts
BANNED = "img:banned"  # SET: banned user ids
BAN = "img:bans"  # HASH: banned user id → reason, admin and time (ms), as JSON
ALLOWED = "img:allowed"  # SET: ids of users and groups that were allowed while the bot ran
# STRING: while it exists, new jobs are refused; the message added to the refusal, or 1.
PAUSED = "img:paused"
INCIDENTS = "img:incidents"  # HASH: open incidents that admins were told about → start time (ms)
ALARM = "img:alarm:"  # LIST per admin, bounded: notices not yet delivered to them, as JSON
BROADCAST = "img:broadcast"  # STRING: the id of the running broadcast
# HASH per broadcast: content and progress; a draft for an hour, an ended one for a week.
BROADCAST_OF = "img:broadcast:"
BROADCAST_LEFT = "img:broadcast-left:"  # ZSET per broadcast: user ids of the remaining recipients
NOTICE_SENT = "img:said:"  # STRING per user and refusal: marks a refusal that was sent a moment ago
# LIST per user id, the latest 20, 30 days: their delivered jobs, newest first.
HISTORY = "img:history:"
LATEST = "img:latest:"  # STRING per user id, 30 days: the job whose picture was shown to them last
READY = "img:ready:"  # STRING per message announcing a picture, 30 days: the job that made it
# STRING per picture by Telegram's unique id, 30 days: the job that made it.
PICTURE = "img:picture:"
# LIST per provider.operation.model, the latest 200, 90 days: spans of job ages (ms) within which
# polls saw a job finish.
DURATIONS = "img:durations:"
WEBHOOK_TICKET = "img:hint:"  # STRING per job, an hour: the ticket received by a webhook, as JSON
# HASH per local day, 8 days: `<operation>.<status>` → number of jobs of that day.
ENDED = "img:ended:"
# HASH per local day, 40 days, in micro-dollars: `charged` and `reserved` in total, `user:<id>`
# (charges and reservations of a user), `reserved:<id>`, `of:<provider>.<operation>`, the same with
# the prefix `n:` for the number of charges, and `ceiling`: the budget if raised for that day.
SPEND = "img:spend:"
# STRING per local day, two days: number of questions to the chat model.
CHAT_CALLS = "img:chat-calls:"
ALBUM = "img:album:"  # LIST per incomplete album: its items as JSON
ALBUMS = "img:albums"  # ZSET: incomplete albums by the time (ms) at which they count as complete
ALBUM_BEGUN = "img:album-begun:"  # STRING per incomplete album: the time (ms) of its first item
ALBUM_OPEN = "img:album-open:"  # STRING per chat and user, 10 s: the album that is being received
ALBUM_JOB = "img:album-job:"  # STRING per album, an hour: the job made from it, for late items
# STRING: the bot's Telegram id; the jobs of one bot are never served by another.
OWNER = "img:owner"
# HASH: what of forgotten users cannot go yet: `job.<id>` (it has not ended) and `spend.<day>.<user
# id>` (the day is not over) → user id; `log.<time (ms)>` → 1 until Redis has rewritten its append-
# only file.
FORGOTTEN = "img:forgotten"
# STRING: a random id, the first part of every order id sent to a provider: several bots may share
# a provider, and number their updates from the same start.
INSTALLATION = "img:installation"
