"""What a page tells of a classifier: confusions, classes, how sure it is, thresholds, and single rows."""
