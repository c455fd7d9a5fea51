"""For operators: the status, the installation, backups, checks and the load test.

It reads the state of the running bot (`/status.json`), of systemd and of the state directory, and
makes a page, lines for a terminal, exit statuses, and changes to this machine.

* `http` serves /healthz, /metrics, the status page and webhooks; `status/` has what they show.
* `doctor/` gathers facts, decides findings, prints each with the command that repairs it.
* `install/` puts a release on a server and returns to an earlier one; `backup/` moves it.
* `lifecycle`, `service`, `state_directory`, `resource_usage`: signals, systemd, files, memory.

A command that runs as root trusts nothing that the service can write: it becomes the owner of the
state directory before it reads there. `cli.py` starts the commands, each importing its own part.
"""
