"""Modules that the forkserver imports before it forks workers; nothing else may import this one.

Forked workers then share the picture code's pages instead of loading their own.
"""

import signal

from imgbot.imaging import engine, pictures, steps, worker

__all__ = ["engine", "pictures", "steps", "worker"]

# systemd sends SIGTERM to the whole control group. Without its forkserver the supervisor would
# consider every worker dead, and drop steps that are about to finish.
signal.signal(signal.SIGTERM, signal.SIG_IGN)
