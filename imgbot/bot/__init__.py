"""Telegram conversation: turns what a user sends into jobs, and answers everything else.

Updates come in (`domain.update`: JSON, not to be trusted), one at a time in a chat. Messages to
that chat go out, and jobs through `storage`; this package never calls `jobs`.

* `router` chooses the handler of an update, once its user is admitted (`policy`).
* `conversation` decides what a plain text asks for; `this_picture` which picture it means, of
  those that `pictures` finds in the chat.
* `dialogue.Dialogue` answers: `say`, `ask`, `edit`, `send`, `refuse`. It has the open question,
  and what features have `added`. A handler takes the event and the dialogue:
  `handle_x(message, dialogue)`, `on_x_callback(callback, argument, dialogue)`.
* `requests` is the only way to an order: rate limit, budget, then the queue.
* `handlers/` has one module for each kind of message or button, with a class of what it uses.

Nothing is ordered here without `requests`, and nothing waits here for a picture. An update
may be handled twice (a crash between handling and confirming): what it orders has the same job id.
Start reading with `router.py`, then `handlers/operations.py`.
"""
