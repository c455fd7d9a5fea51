"""Pictures: the pool of worker processes, the checking of what comes in, the built-in engine.

Rule: the supervisor imports `pool` alone from here. Everything that touches a picture runs in
a worker, and a worker imports nothing of Telegram, Redis or HTTP.
"""
