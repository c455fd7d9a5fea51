"""Redis keys of administrators' decisions, beside who is banned or allowed."""

from imgbot.storage.keys import Owner, Owners

# STRING per digest of an invitation's code, a week: how many users may still accept it. With
# `withdrawn.` and a user's id, as long: no invitation lets them in.
INVITATION = "img:invitation:"
BAN = "img:bans"  # HASH: banned user id → reason, admin and time (ms), as JSON

KEYS: Owners = {INVITATION: (Owner.ADMIN,), BAN: (Owner.BAN,)}
