"""Settings and credentials: read, checked and named in one place.

Variables, the environment file, systemd credentials and the command line (`sources`) become one
frozen `Settings` (`settings`), or a ConfigError that names the variable and its line.
Those of features are in their folders (`feature_settings`). `settings.toml` has what
docs/settings.md says of each variable; `place` tells advice the unit and the folder of the bot.

No other package reads `os.environ` for a setting of its own. A secret is a `SecretStr`, which no
log line or traceback shows.
"""
