"""Libraries that only who builds data sets needs: the extra `security`."""

from importlib import metadata, util

from domain.exceptions import ConfigurationError


def version_of(package: str) -> str:
    """Give the version of a library of the extra. Raises: ConfigurationError where it is not installed."""
    spec = util.find_spec(package)
    if spec is None or spec.origin is None:  # a directory of that name where Python is started is no package
        raise ConfigurationError(
            f"a data set is built with {package}, which is not installed.",
            remedy="Install it with pip install 'athanor[security]'.",
        )
    return metadata.version(package)
