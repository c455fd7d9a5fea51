"""People who order pictures as people do, and the books of what became of each order."""
