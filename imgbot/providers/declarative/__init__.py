"""Providers that a TOML file describes whole: presets of the package and operators' own."""
