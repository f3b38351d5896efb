"""What is kept on disk between runs: the cache, and what is mapped from it."""
