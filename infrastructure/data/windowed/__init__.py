"""Tables cut in time into windows to learn from, to choose by, and to be judged by."""
