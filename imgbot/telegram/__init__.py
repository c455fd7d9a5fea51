"""Telegram: updates in, calls out, within the limits of the Bot API.

* `update_poller` asks for updates and confirms only what was handled or stored;
  `update_dispatcher` hands them on, one at a time in a chat, with a bound for each sender.
* `client` and `session` make calls and translate errors; `polling_health`: if Telegram answers.
* `messenger.Messenger` sends and edits; a picture is an edit of the job's status message.
* `rate_limiter` keeps the limits in advance and obeys a 429; optional calls give way to pictures.
* `lazy_models` imports aiogram at a fraction of its cost (ARCHITECTURE.md says why).

A call may have been carried out although it failed: only edits are repeated without a second
thought. Start reading with `update_dispatcher.py` and `messenger.py`.
"""
