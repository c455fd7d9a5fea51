"""Every Redis key, with what it holds and how long it lives.

Nothing else may live under `rq:queue:`, `rq:job:` and `rate_limit:`: operators count them.
"""

QUEUE = "rq:queue:img_queue"
"""LIST: waiting job ids in the order they will be served."""

JOB = "rq:job:"
"""HASH per job alive, by id."""

RATE_LIMIT = "rate_limit:"
"""STRING per user id with a TTL: requests in the window."""

COMMANDS = "img:commands:"
"""STRING per user id with a TTL: commands in the window, which has the size of that of requests."""

REFUSED = "img:refused:"
"""ZSET per hour since 1970, three hours: user ids by their requests over the rate limit, the 1,000
who made most of them."""

COUNTED = "img:counted:"
"""STRING per request, an hour: it has been counted, however often its update comes."""

DUE = "img:due"
"""ZSET: every claimed job by the time (ms) it must be looked at next."""

TAGS = "img:tags"
"""ZSET: waiting ids by their fair-queueing tag."""

SINCE = "img:since"
"""ZSET: waiting ids by the time (ms) of their making."""

VIRTUAL_TIME = "img:vt"
"""STRING: the tag served last."""

USER_TAGS = "img:vft"
"""HASH: user id → the tag that his next job gets at least."""

SEQUENCE = "img:seq"
"""STRING: a counter that breaks ties between tags."""

WAITING = "img:waiting"
"""HASH: user id → jobs waiting."""

ACTIVE = "img:active"
"""HASH: user id → jobs claimed and not ended."""

USER_JOBS = "img:mine:"
"""ZSET per user id: his jobs alive, by the time (ms) of their making."""

EPOCH = "img:epoch"
"""STRING: the boot that owns the queue, `<number>-<uuid>`; every other is fenced off."""

LAST_CLAIM = "img:lastclaim"
"""STRING: token and id of the latest claim, for a claim whose reply was lost."""

ANNOUNCE = "img:announce"
"""ZSET: jobs without a status message yet, by the time (ms) of the next attempt."""

WAKE = "img:wake"
"""LIST, bounded: ids that the runner should look at now."""

TOMBSTONE = "img:done:"
"""STRING per ended job, 48 h: longer than Telegram repeats an update."""

RESULT = "img:result:"
"""HASH per delivered job, 30 days: what the buttons under a picture need."""

DEAD = "img:dead"
"""ZSET: dead jobs by the time (ms) of their death."""

DEAD_JOB = "img:dead:"
"""HASH per dead job, 30 days."""

STATS = "img:stats"
"""HASH: outcome → count since the beginning."""

UPDATE = "img:update:"
"""STRING per handled update, 48 h."""

DEFERRED = "img:deferred"
"""ZSET: chats with deferred updates by the time (ms) at which the first is tried next."""

DEFERRED_OF = "img:deferred:"
"""ZSET per chat, at most 50: deferred updates by id, as JSON: when it came (ms), the update."""

POISON = "img:updates:dead"
"""LIST, the last 1,000: updates that could not be handled, as they came."""

DIALOGUE = "img:fsm"
"""Prefix of the dialogue states, one day."""

TAP_GUARD = "img:tap:"
"""STRING, 3 s: a button just tapped, so that a double tap is one."""

SYNCS = "img:syncs"
"""STRING: a counter, written before each wait for the disk and to see whether a write is taken."""

CHOICE = "img:choice:"
"""STRING, an hour: what an update decided, should it have to be handled again; whose a task is."""

USER = "img:user:"
"""HASH per user id: what he prefers, and whether he knows the engine."""

PEOPLE = "img:people"
"""ZSET: who speaks with the bot in private, by when (ms, to a day) they were last seen there."""

UNSUBSCRIBED = "img:unsubscribed"
"""SET: user ids that want no broadcasts."""

BANNED = "img:banned"
"""SET: user ids that are not served."""

BAN = "img:bans"
"""HASH: banned user id → why, by whom and when (ms), as JSON."""

ALLOWED = "img:allowed"
"""SET: ids of people and groups that were let in while the bot ran."""

PAUSED = "img:paused"
"""STRING: while it exists, nothing is ordered; the words that are said of it, or 1."""

INCIDENTS = "img:incidents"
"""HASH: what is wrong and was told to the administrators → when it began (ms)."""

ALARM = "img:alarm:"
"""LIST per administrator, bounded: what he is to be told still, as JSON."""

BROADCAST = "img:broadcast"
"""STRING: the id of the broadcast that is being sent."""

BROADCAST_OF = "img:broadcast:"
"""HASH per broadcast: what it says, how far it is; a draft for an hour, an ended one for a week."""

BROADCAST_LEFT = "img:broadcast-left:"
"""ZSET per broadcast: user ids that it is still to be sent to."""

NOTICE_SENT = "img:said:"
"""STRING per user and refusal: it was said a moment ago."""

HISTORY = "img:history:"
"""LIST per user id, the latest 20, 30 days: his delivered jobs, the newest first."""

LATEST = "img:latest:"
"""STRING per user id, 30 days: the job whose picture he saw last."""

READY = "img:ready:"
"""STRING per message that says that a picture is ready, 30 days: the job that made it."""

PICTURE = "img:picture:"
"""STRING per picture by Telegram's unique id, 30 days: the job that made it."""

EXAMPLE = "img:example:"
"""STRING per picture of the help, 30 days: its handle at Telegram."""

DURATIONS = "img:durations:"
"""LIST per provider.operation.model, the latest 200, 90 days: between which ages (ms) of a job
its polls saw it finish."""

WEBHOOK_TICKET = "img:hint:"
"""STRING per job, an hour: the ticket that a webhook told of, as JSON."""

ENDED = "img:ended:"
"""HASH per local day, 8 days: `<operation>.<status>` → jobs of that day that ended so."""

SPEND = "img:spend:"
"""HASH per local day, 40 days, in micro-dollars: `charged` and `reserved` of all, `user:<id>` (both
of one user) and `reserved:<id>`, `of:<provider>.<operation>` and, how often, `n:` the same."""

ALBUM = "img:album:"
"""LIST per album on its way: its items as JSON."""

ALBUMS = "img:albums"
"""ZSET: albums on their way by the time (ms) at which they count as whole."""

ALBUM_BEGUN = "img:album-begun:"
"""STRING per album on its way: the time (ms) of its first item."""

ALBUM_OPEN = "img:album-open:"
"""STRING per chat and user, 10 s: the album that is on its way."""

ALBUM_JOB = "img:album-job:"
"""STRING per album, an hour: the job it became, for items that come late."""

OWNER = "img:owner"
"""STRING: the bot's Telegram id; the jobs of one bot are never those of another."""

INSTALLATION = "img:installation"
"""STRING: a random id, the first part of every id that a provider is given: several bots may
share one, and count their updates from the same number."""
