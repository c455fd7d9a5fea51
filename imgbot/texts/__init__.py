"""Every sentence a person can read, in Russian and English."""
