"""Tables as windows in time."""
