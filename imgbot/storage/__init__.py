"""Redis: the jobs, the rate limit, the embedded server; every decision in one Lua script each."""
