"""What forecasts cost, what they are worth, and how far they are corrected."""
