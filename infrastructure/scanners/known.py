"""Which scanners there are, and which of them this Python has."""

from functools import cache
from importlib import util

from domain.exceptions import ConfigurationError
from infrastructure.scanners.scanner import Scanner

SCANNERS = ("bandit",)


def is_installed(name: str) -> bool:
    """Say whether a scanner of `SCANNERS` can be used here."""
    spec = util.find_spec(name)
    # A directory of that name where Python is started is no package.
    return spec is not None and spec.origin is not None


@cache
def scanner_named(name: str) -> Scanner:
    """Give a scanner of `SCANNERS`, loaded once. Raises: ConfigurationError with the command that installs it."""
    assert name in SCANNERS, name
    if not is_installed(name):
        raise ConfigurationError(
            "this Python has no bandit, which finds weaknesses by rules.",
            remedy="Run: pip install 'athanor[security]'.",
        )
    from infrastructure.scanners.bandit import BanditScanner

    return BanditScanner()
