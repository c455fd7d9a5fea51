"""Redis keys of Telegram Stars, beside the ledger (`imgbot.storage.keys.STARS`)."""

from imgbot.storage.keys import Owner, Owners

# ZSET: refunds to be made, as user id, blank, charge id, by the time (ms) of the next attempt,
# or 0.
REFUNDS = "img:star-refunds"
# STRING: number of the bot's Star transactions that were compared with the ledger.
TRANSFERS = "img:star-transfers"

KEYS: Owners = {REFUNDS: (Owner.ACCOUNTS,), TRANSFERS: (Owner.NOBODY,)}
