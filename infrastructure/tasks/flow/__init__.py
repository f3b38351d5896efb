"""Labels for source code by a reader that follows values."""
