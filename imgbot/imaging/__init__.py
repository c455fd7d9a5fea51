"""Pictures: the worker pool, and what the workers do."""
