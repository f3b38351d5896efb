"""What the twins of hand-written families do when they are carried out."""
