"""Opens what was named as sources: each a project, fetched where it is a repository."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from domain.exceptions import ConfigurationError
from domain.source_address import Address, ReadingOfCode
from infrastructure.files import restore_replaced
from infrastructure.harvest.addresses import address_of
from infrastructure.harvest.folder import Folder
from infrastructure.harvest.repository import Repository, opened
from infrastructure.staging import locked_directory, remove

PRIVATE = 0o700
DEEPEST = 64  # folders around a place by which it is told from another


class Projects:
    """Reads directories and git repositories; what is fetched lies in a private directory that is gone afterwards."""

    def named(self, sources: Sequence[str]) -> list[Address]:
        """Read the names of sources, in the order of their projects. Raises: ConfigurationError with every fault."""
        addresses: list[Address] = []
        faults: list[str] = []
        for given in sources:
            try:
                addresses.append(address_of(given))
            except ConfigurationError as error:
                faults.append(str(error))
        twice = [address for address, times in Counter(map(_same, addresses)).items() if times > 1]
        faults += [f"{shown} is given twice. Leave one of them out." for shown, _ in twice]
        if faults:
            raise ConfigurationError.of(faults)
        return sorted(_told_apart(addresses), key=lambda address: (address.project, address.pin))

    @contextmanager
    def opened(self, address: Address, beside: str, reading: ReadingOfCode) -> Iterator[Folder | Repository]:
        """Open a source; what is fetched lies beside the file that is to be written.

        Raises: ConfigurationError, DatasetError.
        """
        if not address.url:
            yield Folder(address, reading)
            return
        target = Path(beside)
        restore_replaced(target)
        with locked_directory(target) as staging:
            staging.chmod(PRIVATE)
            try:
                with opened(address, staging, reading) as repository:
                    yield repository
            finally:
                remove(staging)


def _same(address: Address) -> tuple[str, str]:
    """Name what an address leads to, whoever asks."""
    return (address.url.rstrip("/").removesuffix(".git") or str(address.directory), address.pin)


def _told_apart(addresses: Sequence[Address]) -> list[Address]:
    """Name places on this disk that share a name by the folders around them too, until they differ."""
    named = list(addresses)
    for depth in range(2, DEEPEST):
        places: dict[str, set[Path]] = {}
        for address in named:
            if address.place is not None:
                places.setdefault(address.project, set()).add(address.place)
        alike = {project for project, found in places.items() if len(found) > 1}
        named = [
            replace(address, project="/".join(address.place.parts[-depth:]))
            if address.place is not None and address.project in alike
            else address
            for address in named
        ]
    return named
