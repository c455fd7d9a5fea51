"""Logs, metrics and health indicators."""
