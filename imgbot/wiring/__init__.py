"""Composition root: builds the components from the settings, and nothing else.

It makes the two sides of the bot, the one that talks (`bot`) and the one that works (`jobs`), from
the same connections (`connections`, `services`), and what operators see (`status`).
`supervisor.py` starts and stops them.

The only package that knows all others. A component gets what it needs as arguments of its
constructor; none looks anything up, and none is built anywhere else.
"""
