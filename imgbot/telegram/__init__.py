"""Telegram: Bot API client, update poller, messenger, rate limiter."""
