"""Handlers of admin commands."""
