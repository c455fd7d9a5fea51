"""Telegram: the client, incoming updates, delivery, the flood gate."""
