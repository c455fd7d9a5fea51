"""Modules that the forkserver imports before it forks workers, whose pages they then share.

A module of its own, as the import has an effect on its process: SIGTERM is ignored from then on.
The forkserver imports it by name (see `Pool.start`); nothing else may.
"""

import signal

from imgbot.painter import pictures, steps, worker

__all__ = ["pictures", "steps", "worker"]

# systemd sends SIGTERM to the whole control group. Without its forkserver the supervisor would
# consider every worker dead, and drop steps that are about to finish.
signal.signal(signal.SIGTERM, signal.SIG_IGN)
