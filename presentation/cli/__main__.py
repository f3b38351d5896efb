"""`python -m presentation.cli` in a checkout; the command `athanor` comes here too."""

import sys

from presentation.cli.interrupting import Interrupted, listen, stop_listening

BAD_PLACE = 2
FAILED = 1


def main() -> None:
    """Run the command line; every foreseen failure is one sentence on standard error and an exit code."""
    listen()
    try:
        exit_code = _answered()
    except Interrupted as interrupted:
        stop_listening()
        from presentation.cli.saying import say_error
        from presentation.cli.speaking import is_told_by_another

        if not is_told_by_another():
            say_error(interrupted.message)
        exit_code = interrupted.exit_code
    stop_listening()
    sys.exit(exit_code)


def _answered() -> int:
    try:
        # Refuses to be imported where Python would take a stranger for `domain`, which `saying` needs too.
        import athanor.own_packages  # noqa: F401
    except ImportError as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_PLACE
    # Imported when signals are heard: the first tenth of a second belongs to these.
    from presentation.cli.command_line import answer
    from presentation.cli.speaking import part, speaks

    try:
        exit_code = answer()
    except Exception as error:
        if speaks((f"{type(error).__name__}: {error}",), FAILED):
            raise
        exit_code = FAILED
    part()
    return exit_code


if __name__ == "__main__":
    main()
