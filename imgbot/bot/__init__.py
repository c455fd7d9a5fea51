"""Telegram conversation: turns user messages into jobs."""
