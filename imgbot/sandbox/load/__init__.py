"""Simulated users for load tests, and the ledger of their orders."""
