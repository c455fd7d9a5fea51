"""Redis keys, each with its content, its lifetime, and what forgetting a user does with it.

Nothing else may use the prefixes `rq:queue:`, `rq:job:` and `rate_limit:`: operators count them.
"""

from collections.abc import Mapping
from enum import Enum, auto

TOMBSTONE_S = 172_800  # 48 h: Telegram repeats an unconfirmed update for 24 h
RESULT_KEPT_S = 2_592_000  # 30 days
SPEND_KEPT_S = 3_456_000  # 40 days: a whole month can be reported
HISTORY_LENGTH = 20
RECENT_LENGTH = 40  # a picture is ordered, and shown
ENDED_JOBS_KEPT = 200
UPDATES_PER_PAGE = 500  # an integer set of up to 512 entries takes two bytes for each


class Owner(Enum):
    """Content of a key about users, and its treatment when one is forgotten."""

    NOBODY = auto()  # nothing of a user
    LIVE_JOB = auto()  # their jobs, which are cancelled first: it goes when they have ended
    LIMIT = auto()  # it expires with its window: forgetting must not reset a limit
    ADMIN = auto()  # by and for administrators, who are named in the settings
    BAN = auto()  # a ban outlasts forgetting
    ACCOUNTS = auto()  # payments, which the law has the operator keep, and what is left of them
    RECORD = auto()  # HASH of an ended job, with its user's id in `user_id`: deleted last
    NAMED_BY_JOB = auto()  # deleted with that job
    POINTER = auto()  # STRING, the id of a job: deleted with that job
    ZREM = auto()  # the member with the user's id is removed, by this command
    SREM = auto()
    HDEL = auto()
    METHOD = auto()  # a method of `Forgetting`, or the feature's `forget`, removes the user


Owners = Mapping[str, tuple[Owner | str, ...]]
"""Key or prefix → its owners; one that is a pattern of the rest of its name has the user's id as
its group: such keys are deleted."""

OWNERS: dict[str, tuple[Owner | str, ...]] = {}
"""Keys of the core; those of a feature are in its folder."""


def _key(name: str, *owners: Owner | str) -> str:
    OWNERS[name] = owners
    return name


QUEUE = _key("rq:queue:img_queue", Owner.LIVE_JOB)  # LIST: waiting job ids in queue order
JOB = _key("rq:job:", Owner.LIVE_JOB)  # HASH per live job, by id
# STRING per user id with a TTL: requests in the window
RATE_LIMIT = _key("rate_limit:", Owner.LIMIT)
# STRING per user id with a TTL: commands in the window, as long as that of requests.
COMMANDS = _key("img:commands:", Owner.LIMIT)
# ZSET per hour since 1970, three hours: user ids by their requests over the rate limit, the 1,000
# with the most.
REFUSED = _key("img:refused:", Owner.ZREM)
# ZSET: claimed jobs by the time (ms) of their claim, 0 for one cancelled while it was running.
DUE = _key("img:due", Owner.LIVE_JOB)
TAGS = _key("img:tags", Owner.LIVE_JOB)  # ZSET: waiting ids by their fair-queueing tag
# HASH: user id → the lowest tag that their next job can get; `served`: the tag of the latest claim
USER_TAGS = _key("img:vft", Owner.HDEL)
# HASH: user id → number of claimed jobs that have not ended
ACTIVE = _key("img:active", Owner.LIVE_JOB)
# ZSET per user id: their live jobs by the time (ms) of their creation
USER_JOBS = _key("img:mine:", Owner.LIVE_JOB)
# STRING: the epoch that owns the queue, `<number>-<uuid>`; every other is fenced off.
EPOCH = _key("img:epoch", Owner.NOBODY)
# STRING, 9 s: the epoch of the bot that leads a cluster, and after a blank its machine's name.
LEADER = _key("img:leader", Owner.NOBODY)
# STRING per epoch, an hour: number of the latest batch of writes of the bot that leads a cluster.
WRITTEN = _key("img:written:", Owner.NOBODY)
# HASH: `backup`, the time (ms) of the latest backup that was sent away, and `rehearsal`, of the
# latest that was read back, 0 after one that was not.
BACKUPS = _key("img:backups", Owner.NOBODY)
# STRING, 10 s: the bot that stands by in a cluster, and reaches Telegram and a provider.
REACHES = _key("img:reaches", Owner.NOBODY)
# STRING, 5 min: the bot that handed over because it reached neither.
LEFT = _key("img:left", Owner.NOBODY)
# STRING: there is no replica to wait for: a cluster whose second server has not joined yet.
ALONE = _key("img:alone", Owner.NOBODY)
# STRING, in the Valkey of the witness: the time (s) of its change, and the servers of a cluster
# that have everything.
RECORD = _key("img:record", Owner.NOBODY)
# STRING: token and id of the latest claim, for a claim whose reply was lost.
LAST_CLAIM = _key("img:lastclaim", Owner.NOBODY)
# ZSET: jobs without a status message yet, by the time (ms) of the next attempt.
ANNOUNCE = _key("img:announce", Owner.LIVE_JOB)
# LIST, bounded: ids that the runner should check now
WAKE = _key("img:wake", Owner.LIVE_JOB)
# STRING per ended job, 48 h: longer than Telegram repeats an update
TOMBSTONE = _key("img:done:", Owner.NOBODY)
# HASH per delivered job, 30 days: the ended job with its picture and caption, without what only its
# steps need. Of a failed one whose request may be repeated: the same, without a picture.
RESULT = _key("img:result:", Owner.RECORD)
DEAD = _key("img:dead", Owner.METHOD)  # ZSET: dead jobs by the time (ms) of their death
DEAD_JOB = _key("img:dead:", Owner.RECORD)  # HASH per dead job, 30 days
# SET per 500 updates, 48 h: the last part (id % 500) of the ids of those that were handled.
HANDLED = _key("img:handled:", Owner.NOBODY)
# ZSET: chats with deferred updates by the time (ms) of the next attempt at the first.
DEFERRED = _key("img:deferred", Owner.METHOD)
# ZSET per chat, at most 400: deferred updates by id, as JSON: time received (ms), the update.
DEFERRED_OF = _key("img:deferred:", Owner.METHOD)
# LIST, the last 1,000: updates whose handling failed, as received
POISON = _key("img:updates:dead", Owner.METHOD)
DIALOGUE = _key("img:fsm", r"(?::-?\d+)+:(\d+):.*")  # Prefix of the dialogue states, one day
# STRING: a counter, written before each wait for the disk and to test if Redis is writable.
SYNCS = _key("img:syncs", Owner.NOBODY)
# STRING: what came first, and holds for a while: a decision for an update, 25 hours, in case it is
# handled again; `task:`, the job that owns it, and `counted.`, a request, an hour; `said.`, a
# refusal or notice; `tap.`, a button, 3 s.
ONCE = _key(
    "img:choice:",
    r"(?:(?:album|inline|stranger|said|counted\.album)\.|tap\.-?\d+\.)(\d+)(?:\..*)?",
)
# STRING per user and update id modulo 64, a day: a message that was refused for now, as JSON: time
# (ms), the update, or the items of an album.
REFUSED_UPDATE = _key("img:refused-update:", r"(\d+)\..*")
# HASH per user id: their preferences, the language of their client and of their texts, their name,
# their @name in lower case, whether they were told which engine makes pictures, and the number of
# their jobs that ended, by status.
USER = _key("img:user:", r"(\d+)")
# HASH: @name in lower case → id of the user who had it when they last wrote.
USERNAMES = _key("img:names", Owner.METHOD)
# HASH per user id, 90 days since the latest choice: digest of an ambiguous wording → what the user
# chose for it, `create` or `change`.
MEANT = _key("img:meant:", r"(\d+)")
# ZSET: users of whom something is kept, by the time (ms, to a day) of their latest update.
SEEN = _key("img:seen", Owner.METHOD)
# ZSET: users with a private chat, by the time (ms, to a day) of their latest update in it.
PEOPLE = _key("img:people", Owner.METHOD)
# SET: user ids that unsubscribed from broadcasts
UNSUBSCRIBED = _key("img:unsubscribed", Owner.SREM)
# STRING per chat and kind of picture or message, an hour: marks that the chat did not allow it.
# With `closed` and a topic, a minute: marks that it took no message at all.
FORBIDDEN = _key("img:forbidden:", r"(\d+)\..*")
# ZSET: the latest 200 ended jobs by the time (ms) of their end, 30 days, as JSON: id, user id,
# status, operation, beginning of the prompt, reason of a failure, words that were not drawn,
# duration (s), time of the end (ms).
ENDED_JOBS = _key("img:ended-jobs", Owner.METHOD)
# STRING per update id modulo 200, 30 days: user id, blank, beginning of a message that was not
# understood.
NOT_UNDERSTOOD = _key("img:not-understood:", Owner.METHOD)
# HASH per week since 1970, 10 weeks: numbers of `new` and `returning` users, and of messages that
# were `refused` because their users are not allowed.
WEEK = _key("img:week:", Owner.NOBODY)
BANNED = _key("img:banned", Owner.BAN)  # SET: banned user ids
# SET: ids of users and groups that were allowed while the bot ran
ALLOWED = _key("img:allowed", Owner.SREM)
# STRING: while it exists, new jobs are refused; the message added to the refusal, or 1.
PAUSED = _key("img:paused", Owner.ADMIN)
# LIST per user id, the latest 20, 30 days: their delivered jobs, newest first.
HISTORY = _key("img:history:", r"(\d+)")
# LIST per chat and topic, the latest 40, 30 days: what "this picture" may mean there, newest first,
# as JSON: user id, time (ms), job, the job whose picture it changes and after blanks its operation
# and the beginning of its prompt, photos.
RECENT = _key("img:recent:", Owner.METHOD, r"(\d+)\..*")
# STRING per message announcing a picture, 30 days: the job that made it
READY = _key("img:ready:", Owner.POINTER, r"(\d+)\..*")
# STRING per picture by Telegram's unique id, 30 days: the job that made it.
PICTURE = _key("img:picture:", Owner.POINTER)
# LIST per provider.operation.model, the latest 40, 90 days: spans of job ages (ms) within which
# polls saw a job finish.
DURATIONS = _key("img:durations:", Owner.NOBODY)
# STRING per provider, two hours: the orders per second to which a refusal has reduced it, and the
# time (ms) of that.
ORDER_PACE = _key("img:order-pace:", Owner.NOBODY)
# STRING per job, an hour: the ticket received by a webhook, as JSON
WEBHOOK_TICKET = _key("img:hint:", Owner.NAMED_BY_JOB)
# HASH per local day, 8 days: `<operation>.<status>` → number of jobs of that day.
ENDED = _key("img:ended:", Owner.NOBODY)
# HASH per local day, 40 days, in micro-dollars: `charged` and `reserved` in total, `user:<id>`
# (charges and reservations of a user), `reserved:<id>`, `of:<provider>.<operation>`, the same with
# the prefix `n:` for the number of charges, `pictures:<user or group id>` (ordered within their
# quota), and `ceiling`: the budget if raised for that day.
SPEND = _key("img:spend:", Owner.METHOD)
# STRING per local day, two days: number of questions to the chat model.
CHAT_CALLS = _key("img:chat-calls:", Owner.NOBODY)
# STRING: the bot's Telegram id; the jobs of one bot are never served by another.
OWNER = _key("img:owner", Owner.NOBODY)
# HASH: setting and addresses (JSON) of each provider that was ever chosen, by its name in orders.
PROVIDERS = _key("img:providers", Owner.NOBODY)
# HASH: what of forgotten users cannot go yet: `job.<id>` (it has not ended), `spend.<day>.<user
# id>` (the day is not over) and `pack.<name>` (Telegram has it) → user id; `log.<time (ms)>` → 1
# until Redis has rewritten its append-only file.
FORGOTTEN = _key("img:forgotten", Owner.METHOD)
# STRING: a random id, the first part of every order id sent to a provider: several bots may share
# a provider, and number their updates from the same start.
INSTALLATION = _key("img:installation", Owner.NOBODY)
