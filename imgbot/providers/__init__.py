"""Image providers: who makes the picture, behind one protocol."""
