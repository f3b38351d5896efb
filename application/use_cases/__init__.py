"""One file per job: its request, its response, its use case."""
