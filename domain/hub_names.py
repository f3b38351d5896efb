"""What data sets of the hub are called where a path may stand: `hub:NAME[@REVISION][:CONFIG[/SPLIT]]`."""

import re
from dataclasses import dataclass, replace
from pathlib import PurePath

from domain.exceptions import DatasetError
from domain.showing import shown

HUB = "hub:"
MODEL = "model"  # what the directory is called in every run
# As the hub has them: letters, digits, and between them single marks; a revision is a branch, a tag or a commit.
PART = r"\w(?:\w|[-.](?![-.])){0,95}(?<![-.])"
REVISION = r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}"
_DATA = re.compile(
    rf"{HUB}(?P<name>(?:{PART}/)?{PART})(?:@(?P<revision>{REVISION}))?"
    r"(?::(?P<config>[^\s/:@<>|?*\\]{1,100})(?:/(?P<split>\w[\w.-]{0,99}))?)?",
    re.ASCII,
)
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class HubData:
    """A data set of the hub, `name` or `owner/name`, or one part of it; what is empty has not been said."""

    name: str
    revision: str = ""
    config: str = ""
    split: str = ""

    @classmethod
    def of(cls, text: str) -> "HubData":
        """Read what stands where a path may stand. Raises: DatasetError for a name that the hub cannot have."""
        found = _DATA.fullmatch(text)
        if found is None:
            raise DatasetError(
                f"{shown(text)} names no data set of the hub.",
                remedy="Write hub:owner/name, and behind it @revision, :config or :config/split. A file of that name"
                " is ./hub:name.",
            )
        return cls(**{name: part or "" for name, part in found.groupdict().items()})

    def __str__(self) -> str:
        revision = f"@{self.revision}" if self.revision else ""
        config = f":{self.config}" if self.config else ""
        return f"{HUB}{self.name}{revision}{config}{f'/{self.split}' if self.split else ''}"

    @property
    def is_settled(self) -> bool:
        """Tell whether it means the same rows for ever: a commit, a config and a split of it."""
        return _COMMIT.fullmatch(self.revision) is not None and bool(self.config and self.split)


def names_hub(path: str) -> bool:
    """Tell whether a path means a data set of the hub."""
    return path.startswith(HUB)


def name_of_data(path: str) -> str:
    """Give what data are called without their place: the name of a file, that of the hub without a commit."""
    if not names_hub(path):
        return PurePath(path).name
    try:
        data = HubData.of(path)
    except DatasetError:  # whoever opens it says so
        return path
    return str(replace(data, revision="" if data.is_settled else data.revision))


def name_of_model(path: str) -> str:
    """Give what a directory of a model is called without its place; that of a run with the name of the run."""
    place = PurePath(path)
    return "/".join(place.parts[-2:]) if place.name == MODEL and len(place.parts) > 1 else place.name or path
