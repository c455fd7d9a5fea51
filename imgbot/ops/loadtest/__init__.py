"""`imgbot loadtest` and `imgbot prove`: simulated users on this machine, measured and judged."""
