"""What comes next in a table."""
