"""Hidden tokens of texts, told from what stands around them."""
