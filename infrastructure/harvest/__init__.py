"""Source code of directories and git repositories, read as text: nothing of it is run, imported or checked out."""
