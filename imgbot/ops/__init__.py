"""Settings, logs, health, metrics, systemd: what an operator sees."""
