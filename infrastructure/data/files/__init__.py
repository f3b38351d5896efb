"""Files as bytes, texts and rows: what they are, how they are encoded, how much of them is taken."""
