"""A job's life: claimed or adopted, carried from state to state, shown, ended.

Jobs come in from the queue (`JobQueue.claim`); the status message that becomes the picture,
a result and a charge go out. `bot` and `jobs` never call each other; they meet in Redis.

* `runner` has one task for each job: it takes the step of the job's state and does what the
  returned outcome says: `Advance`, `Snooze` or `Ended` (`outcomes`). Only the runner waits.
* `submit`, `poll`, `render`, `deliver` are the steps, which `step_table` lists with the points at
  which a job resumes after a pause; `captions` has the texts of their ends.
* `hooks` says what features do in the steps, and what becomes of one that fails.
* `recovery` decides what a lost response means.
* `status_messages` owns the one message of a job: every write to it is under its lock.
* `provider_routing` chooses the provider, `poll_scheduler` the time of a poll.
* `context`: what steps use; `inputs`: files; `webhooks`, `maintenance`, `reach`: beside the jobs.

A step stores what it is about to do before it does what cannot be taken back, and may be taken
again after a crash at any line. Start reading with `runner.py`, then `submit.py`.
"""
