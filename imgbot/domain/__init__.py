"""Jobs, operations, errors, words, schedules and texts: decisions without I/O or a clock.

Everything above may import this package, and it imports nothing of the rest. Its functions take
the facts and the time as arguments, so that a table of examples tests them.

* `job`: the record of a job and the table of its states. Start reading there.
* `operations`: one row for each operation, from which menus, settings and help derive.
* `holds`: what a job takes of what is limited.
* `errors`: by what is done about them: tell the user, retry, give up, stop.
* `update`: one update of Telegram: its chat, its sender, and how it is deferred.
* `retry`, `poll_schedule`, `order_pace`: when, and how often.
* `words`: what a text asks for, by `intents`, `remix`, `complaints`, `prompt_options`, `spelling`.
* `texts`: every sentence that a user reads, in Russian and English; `buttons`: what is under it.
"""
