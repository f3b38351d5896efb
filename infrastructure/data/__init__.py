"""From files to batches: read, check, split, tokenise, feed."""
