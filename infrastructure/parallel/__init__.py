"""One run on any number of devices."""
