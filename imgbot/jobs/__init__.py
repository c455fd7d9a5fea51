"""A job's life: claimed or adopted, carried from state to state, ended."""
