"""`python -m athanor`: the command line."""

from athanor_command import main

if __name__ == "__main__":
    main()
