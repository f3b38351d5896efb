"""Libraries that are told of a run: each works in a process of its own, fed by a thread and a bounded queue."""
