"""`imgbot cluster`: two machines and a witness, by Valkey's replication and Sentinel."""
