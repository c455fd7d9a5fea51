"""A Telegram bot that makes pictures, in one process on one server."""

__version__ = "0.1.0"
