"""What a person says becomes a job."""
