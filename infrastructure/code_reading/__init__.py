"""Source code as ids with roles and links, for readers that follow values; and what they say of it as labels."""
