"""Redis keys of broadcasts, beside the users who are unsubscribed."""

from imgbot.storage.keys import Owner, Owners

# STRING: the id of the running broadcast
BROADCAST = "img:broadcast"
# HASH per broadcast: content and progress; a draft for an hour, an ended one for a week.
BROADCAST_OF = "img:broadcast:"
# ZSET per broadcast: user ids of the remaining recipients
BROADCAST_LEFT = "img:broadcast-left:"

KEYS: Owners = {
    BROADCAST: (Owner.ADMIN,),
    BROADCAST_OF: (Owner.ADMIN,),
    BROADCAST_LEFT: (Owner.ZREM,),
}
