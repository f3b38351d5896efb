"""Stand-ins that implement a port and remember what they were asked."""
