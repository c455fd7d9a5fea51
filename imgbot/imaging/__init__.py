"""Pictures: the pool of worker processes, the checking of what comes in, the built-in engine.

Rule: the supervisor starts the pool and names functions of `pictures` and `engine` to it; it
calls none of them itself. A worker imports nothing of Telegram, Redis or HTTP.
"""
