"""Redis storage: jobs, rate limit and embedded server; each decision is one atomic Lua script."""
