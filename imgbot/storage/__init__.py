"""Redis: the queue, users, results, spend, limits; and the embedded server.

Each decision is one Lua script (`lua/`), safe to repeat: it checks the supervisor's epoch, the
version of what it changes, and an operation token. `scripts` reads the keys and arguments of a
script from its header, `client.Client.call` sends it.

* `keys` names every key, with its content, its lifetime and what `forgetting` a user does with it.
* `job_queue.JobQueue` is the job's way from admission to its end; `job_codec` its stored form.
* `users`, `results`: what a conversation needs to remember; `update_ledger`: what was handled.
* `holds`, `spend`, `rate_limit`, `pause`: limits on orders; `dead_letters`, `stats`: for operators.
* `server/` starts the private Redis and checks an external one; `persistence`: what is on disk.

Stored names are contracts: the release before reads them after a rollback. Start reading with
`job_queue.py` and `lua/move.lua`.
"""
