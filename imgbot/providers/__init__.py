"""Image providers behind one protocol."""
