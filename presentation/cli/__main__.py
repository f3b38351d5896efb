"""`python -m presentation.cli`, also installed as `athanor`."""

import sys

from presentation.cli.interrupting import Interrupted, listen, stop_listening


def main() -> None:
    """Run the command line; every foreseen failure is one sentence on standard error and an exit code."""
    listen()
    try:
        exit_code = _answered()
    except Interrupted as interrupted:
        stop_listening()
        from presentation.cli.saying import say_error

        say_error(interrupted.message)
        exit_code = interrupted.exit_code
    sys.exit(exit_code)


def _answered() -> int:
    # Imported when signals are heard: the first tenth of a second belongs to these.
    from presentation.cli.command_line import answer

    return answer()


if __name__ == "__main__":
    main()
