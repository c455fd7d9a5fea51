"""Fake Telegram to try, test and load the bot with."""
