"""Providers described entirely by a TOML file: presets and operators' own."""
