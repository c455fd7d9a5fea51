"""Pictures: pool of worker processes, validation of input, built-in engine.

Rule: the supervisor passes functions of `pictures` and `engine` to the pool and calls none of them
itself. A worker imports nothing of Telegram, Redis or HTTP.
"""
