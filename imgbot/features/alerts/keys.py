"""Redis keys of alerts."""

from imgbot.storage.keys import Owner, Owners

# HASH: open incidents that admins were told about → start time (ms)
INCIDENTS = "img:incidents"
# LIST per admin, bounded: notices not yet delivered to them, as JSON
ALARM = "img:alarm:"

KEYS: Owners = {INCIDENTS: (Owner.NOBODY,), ALARM: (Owner.ADMIN,)}
