"""What data sets of the hub are called where a path may stand."""

HUB = "hub:"
