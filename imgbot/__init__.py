"""A Telegram bot that makes pictures, in one process on one server."""
