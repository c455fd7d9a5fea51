"""Real providers, played: each speaks its API as strictly as the real one, under /sim/<name>."""
