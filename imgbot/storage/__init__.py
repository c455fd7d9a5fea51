"""Redis: the queue, users, results, spend, limits; and the embedded server.

Each decision is one Lua script (`lua/`), safe to repeat: it checks the supervisor's epoch, the
version of what it changes, and an operation token. `scripts` reads the keys and arguments of a
script from its header, `client.Client.call` sends it.

* `keys` names every key, with its content, its lifetime and what forgetting a user does with it.
* `job_queue.JobQueue` is the job's way from admission to its end; `job_codec` its stored form.
* `users`, `results`, `access`: what a conversation needs to remember.
* `spend`, `rate_limit`: reservations and limits; `update_ledger`: what was handled, what waits.
* `server/` starts the private Redis and checks the durability of an external one.

Stored names are contracts: the release before reads them after a rollback. Start reading with
`job_queue.py` and `lua/move.lua`.
"""
