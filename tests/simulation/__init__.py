"""A simulated world: users, Telegram, a provider and Redis around the real bot, in one thread.

Time is virtual, and every choice follows from a seed: a run that fails can be replayed exactly.
`python -m tests.simulation --seeds 1000` plays many; `make simulate` says how.
"""
