"""What the forkserver imports before it forks workers; nothing else may import this module.

A fork then shares the picture code's pages instead of loading its own.
"""

import signal

from imgbot.imaging import engine, pictures, worker

__all__ = ["engine", "pictures", "worker"]

# systemd sends SIGTERM to the whole control group. Without its forkserver the supervisor would
# take every worker for dead, and throw away steps that are about to finish.
signal.signal(signal.SIGTERM, signal.SIG_IGN)
