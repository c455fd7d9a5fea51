"""Fake Telegram with which the bot is tried, tested and loaded; README.md describes it."""
