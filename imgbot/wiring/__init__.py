"""Composition root: builds the components from settings."""
