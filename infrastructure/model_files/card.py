"""What travels with a model in `athanor.json`: written as strict JSON, read through one typed model for each kind."""

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from domain.exceptions import ConfigurationError, ModelError, TrainingError
from domain.reading import MAX_ROW_MIB, MOST_ROW_MIB, Reading
from domain.run_layout import CARD, README
from domain.strict_json import strict_json
from domain.task import TASKS
from infrastructure.data.sources.fields import Sought, sought
from infrastructure.files import sha256_of, write_whole
from infrastructure.model_files.model_directory import entries_of, is_own_name, settings_of

RESTORE = "Restore the file as the training wrote it, or train again."
MOST_FAULTS = 3
MOST_ROWS = 1_000_000


def _names_of_fields(value: Any) -> Any:
    names = value if isinstance(value, list) else [value]
    if value is None or (names and all(isinstance(name, str) for name in names)):
        return value
    raise ValueError("should be the name of a field, or a list of names")


FieldNames = Annotated[str | list[str] | None, BeforeValidator(_names_of_fields)]


class ModelCard(BaseModel):
    """What the card of every model says; the kinds of tasks add their own fields.

    `files` are the SHA-256 of the files beside it; older cards have none. `named_fields` are those fields of rows that
    a caller has named in the place of the model's own; no card on disk holds any.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False, protected_namespaces=())

    task: str
    batch_size: int = Field(default=64, ge=1, le=MOST_ROWS)
    precision: Literal["auto", "fp32", "tf32", "bf16", "fp16"] = "auto"
    files: dict[str, str] = {}
    delimiter: str | None = None
    encoding: str | None = None
    quoting: str | None = None
    decimal: str | None = None
    sheet: str | None = None
    time_format: str | None = None
    time_zone: str | None = None
    max_row_mib: int = Field(default=MAX_ROW_MIB, ge=1, le=MOST_ROW_MIB)
    max_unpacked_mib: int | None = Field(default=None, ge=1)
    named_fields: list[str] = []

    @property
    def reading(self) -> Reading:
        """How a data file is read: the clock and the limits as in training, the rest as it is found."""
        return Reading(**{name: getattr(self, name) for name in Reading.__dataclass_fields__})

    def sought(self, role: str, usual: Sequence[str]) -> Sought:
        """Say where a row holds its text, label, source or target: where a caller says, or as in training."""
        setting = f"{role}_field"
        columns = getattr(self, setting)
        is_named = setting in self.named_fields
        return sought(role, usual, *((columns, None) if is_named else (None, columns)))


AnyCard = TypeVar("AnyCard", bound=ModelCard)


def read_card(directory: Path) -> dict[str, Any]:
    """Read what travels with a model. Raises: ModelError when the directory is none of ours."""
    path = directory / CARD
    if not path.exists():
        raise ModelError(
            f"{directory} holds no finished model ({CARD} is missing).",
            remedy="Give a run directory whose training has ended, or its model directory.",
        )
    card = settings_of(path)
    if not isinstance(card.get("task"), str) or card["task"] not in TASKS:
        found = "missing" if "task" not in card else f"{_shown(card['task'])}"
        raise ModelError(f"{path}: task is {found}, but must be one of {', '.join(TASKS)}.", remedy=RESTORE)
    for where, value in entries_of(card):
        if isinstance(value, float) and not isfinite(value):
            raise ModelError(f"{path}: {where} is {value}, but must be a finite number.", remedy=RESTORE)
    return dict(card)


def typed_card(kind: type[AnyCard], card: Mapping[str, Any], directory: Path) -> AnyCard:
    """Give the fields of a card that a kind of task needs. Raises: ModelError naming file, field and rule."""
    try:
        return kind.model_validate(dict(card))
    except ValidationError as error:
        faults = [_sentence(fault) for fault in error.errors(include_url=False)]
        more = f"; and {len(faults) - MOST_FAULTS} more" if len(faults) > MOST_FAULTS else ""
        raise ModelError(f"{directory / CARD}: {'; '.join(faults[:MOST_FAULTS])}{more}.", remedy=RESTORE) from error


def digests_of(directory: Path) -> dict[str, str]:
    """Give the SHA-256 of the files of a model by name; those that may change, the card and the readme, left out."""
    files = (path for path in sorted(directory.iterdir()) if path.is_file() and path.name not in (CARD, README))
    return {path.name: sha256_of(path) for path in files}


def require_files(card: ModelCard, directory: Path) -> None:
    """Compare every byte of a model with what was written. Raises: ModelError naming the file.

    Asked once the model has been opened: what cannot be opened is said more exactly there.
    """
    for name, digest in card.files.items():
        path = directory / name
        if not (is_own_name(name) and path.is_file()):
            raise ModelError(f"{path} is missing, but {CARD} names it.", remedy=RESTORE)
        try:
            found = sha256_of(path)
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror or error}.", remedy=RESTORE) from error
        if found != digest:
            raise ModelError(
                f"{path} is damaged: it does not have the SHA-256 that was written.",
                remedy=f"Restore it or train again; if you changed it yourself, take it out of `files` in {CARD}.",
            )


def _sentence(fault: Mapping[str, Any]) -> str:
    where = ".".join(map(str, fault["loc"])) or "the whole"
    if fault["type"] == "missing":
        return f"{where} is missing"
    rule = str(fault["msg"]).removeprefix("Input ").removeprefix("Value error, ")
    return f"{where} is {_shown(fault['input'])}, but {rule[:1].lower()}{rule[1:]}".rstrip(".")


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return f"a {'list' if isinstance(value, list) else 'mapping'} of {len(value)}"
    text = strict_json(value) if not isinstance(value, int) or abs(value) < 1e30 else "a huge number"
    return text if len(text) <= 60 else text[:60] + "..."


def card_text(card: Mapping[str, Any]) -> str:
    """Render a card as JSON that every parser reads: what is no finite number becomes null.

    Raises: ConfigurationError naming the place of a value that a file cannot hold.
    """
    try:
        text = strict_json(card, indent=2, ensure_ascii=False) + "\n"
        text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:  # a lone surrogate is a UnicodeEncodeError, a ValueError
        places = [where for where, value in entries_of(card) if not _can_be_written(where, value)]
        raise ConfigurationError(
            f"{CARD} cannot hold {strict_json(places[0]) if places else 'the card'}: {_reason(error)}.",
            remedy="Rename the label, column or file to plain text, or correct the setting.",
        ) from error
    return text


def _can_be_written(where: str, value: Any) -> bool:
    if isinstance(value, dict | list | tuple):
        return True
    try:
        f"{where} {strict_json(value, ensure_ascii=False)}".encode()
    except (TypeError, ValueError):
        return False
    return True


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "it is not valid Unicode"
    return str(error)[:200].rstrip(".")


def add_to_card(directory: Path, facts: Mapping[str, Any]) -> None:
    """Add what was found out after the training. Raises: ModelError, TrainingError when the disk refuses."""
    text = card_text({**read_card(directory), **facts})
    try:
        write_whole(directory / CARD, text)
    except OSError as error:
        raise TrainingError(
            f"{directory / CARD} could not be written: {error.strerror or error}.",
            remedy="Make room and resume the run; its checkpoints are intact.",
        ) from error


def plain_numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Pick the metrics that are finite numbers: a card is read by parsers that know no NaN, and stays short."""
    return {name: value for name, value in metrics.items() if isinstance(value, int | float) and isfinite(value)}
