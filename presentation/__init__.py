"""How people reach the use cases."""
