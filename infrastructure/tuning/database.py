"""The database of a study: sqlite or PostgreSQL, and the tables in it."""

from functools import cache
from typing import TYPE_CHECKING

from domain.exceptions import ConfigurationError
from domain.showing import shown

if TYPE_CHECKING:
    from sqlalchemy import Engine, Table

DATABASE = "study.db"
LONGEST_NAME = 200
SECONDS_TO_WAIT_FOR_A_LOCK = 60
_FORMS = "Write postgresql://USER@HOST/DATABASE, or sqlite:///FILE, or leave it out for a file beside the runs."


def opened(address: str) -> "Engine":
    """Open a database. Raises: ConfigurationError for an address that is none, or a library that is missing."""
    try:
        import optuna  # noqa: F401  # it is asked later, when the first trial is done
        from sqlalchemy import create_engine
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError
    except ImportError as error:
        raise ConfigurationError("tuning needs Optuna.", remedy="Install it: pip install 'athanor[tune]'.") from error
    try:
        url = make_url(address)
    except (ArgumentError, ValueError) as error:
        raise ConfigurationError("storage is no address of a database.", remedy=_FORMS) from error
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise ConfigurationError(f"storage {shown(url.drivername)} is not known.", remedy=_FORMS)
    if url.drivername == "sqlite":
        if not url.database or url.database == ":memory:":
            raise ConfigurationError("storage names no file, so that nothing would be kept.", remedy=_FORMS)
        return create_engine(url, connect_args={"timeout": SECONDS_TO_WAIT_FOR_A_LOCK})
    try:
        return create_engine(url, pool_pre_ping=True)
    except ImportError as error:
        raise ConfigurationError(
            "a study in PostgreSQL needs psycopg.", remedy="Install it: pip install 'athanor[postgresql]'."
        ) from error


@cache
def tables() -> "tuple[Table, Table]":
    """Give the table of studies and that of their trainings."""
    from sqlalchemy import Column, Integer, MetaData, String, Table, Text

    data = MetaData()
    studies = Table(
        "athanor_studies", data, Column("name", String(LONGEST_NAME), primary_key=True), Column("plan", Text)
    )
    jobs = Table(
        "athanor_trainings",
        data,
        Column("study", String(LONGEST_NAME), primary_key=True),
        Column("name", String(LONGEST_NAME), primary_key=True),
        Column("state", String(20), nullable=False),
        Column("trial", Text, nullable=False),
        Column("holder", String(40), nullable=False),
        Column("beats", Integer, nullable=False),
        Column("place", Text, nullable=False),
        Column("machine", String(80), nullable=False),
    )
    return studies, jobs
