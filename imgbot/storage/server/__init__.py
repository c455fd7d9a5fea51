"""Embedded Redis server, and checks of an external one."""
