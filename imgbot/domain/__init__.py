"""Jobs, operations, errors, schedules and texts: pure, no I/O, no clock."""
