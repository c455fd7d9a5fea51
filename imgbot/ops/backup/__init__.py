"""`imgbot backup` and `imgbot restore`: everything that must outlive the server, in one file."""
