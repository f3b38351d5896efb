"""Makes the shipped data with a fixed seed: rows from hand-written families, and bars of a simulated market."""
