"""Programs composed of parts, in twins: the same words, and two of them have changed places."""
