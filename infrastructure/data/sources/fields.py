"""Which columns of a file hold what: as named, as in training, or guessed from their names."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from shlex import quote

from domain.exceptions import DatasetError
from infrastructure.data.sources.label_names import name_of

MAX_NAMES_SHOWN = 20
MAX_FIELDS_COMPARED = 1_000
LONGEST_NAME_COMPARED = 80
# Names that a column may go by beside those of the task, without regard to case; taken when exactly one is there.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "text": (
        *("text", "texts", "body", "content", "message", "sentence", "review", "title", "comment", "description"),
        *("document", "tweet", "post", "question", "query", "utterance", "headline", "subject", "abstract", "code"),
        *("snippet", "func", "function", "source_code"),
    ),
    "label": (
        *("label", "labels", "category", "class", "target", "intent", "sentiment", "topic", "tag", "emotion"),
        *("severity", "label_name", "class_name", "queue", "department"),
    ),
    "source": ("source", "src", "input", "prompt", "question", "instruction", "query", "description", "docstring"),
    "target": ("target", "tgt", "output", "completion", "answer", "response", "reply", "translation", "summary"),
}

Names = str | Sequence[str]  # of one column, or of several that hold a part together
Say = Callable[[str], None]


@dataclass(frozen=True)
class Sought:
    """A part of a row that is looked for, and the names of the columns that may hold it.

    `role` is "text", "label", "source" or "target". The columns `named` by a caller are the only ones that will do;
    else those a model learnt from (`own`), the first of the `usual` names, or what `ALIASES` knows. Several named or
    own columns hold the part together.
    """

    role: str
    usual: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    own: tuple[str, ...] = ()

    @property
    def setting(self) -> str:
        """The setting that names the columns."""
        return f"{self.role}_field"


def sought(role: str, usual: Iterable[str], named: "Names | None" = None, own: "Names | None" = None) -> Sought:
    """Say what is looked for; a single name stands for itself, None for nothing named."""
    return Sought(role, tuple(usual), names_in(named), names_in(own))


def names_in(names: "Names | None") -> tuple[str, ...]:
    """Give one name or several as several."""
    return () if names is None else (names,) if isinstance(names, str) else tuple(names)


def columns_of(name: str, fields: Sequence[str], wanted: Sequence[Sought], say: Say) -> list[tuple[str, ...]]:
    """Find the columns of each part among the fields of the file `name`; `say` is told which were guessed.

    Raises: DatasetError naming all columns once, and a setting for each part that cannot be told.
    """
    found = [_certain(part, fields) for part in wanted]
    taken = {column for columns in found for column in columns or ()}
    guessed: list[str] = []
    problems: list[str] = []
    remedies: list[str] = []
    for number, part in enumerate(wanted):
        if found[number] is not None:
            continue
        fitting = [] if part.named else _fitting(part, [field for field in fields if field not in taken])
        # A model that learnt from subject and body would answer from the subject alone, and nobody would know.
        if len(fitting) == 1 and fitting[0] not in _own_among(part, fields):
            found[number] = (fitting[0],)
            taken.add(fitting[0])
            guessed.append(f"the {part.role} in {fitting[0]!r}")
        else:
            problems.append(_problem(part, fields, fitting))
            remedies.append(_remedy(part, fields, fitting, taken))
    if len(problems) > 1 and len(fields) == 1 and not any(part.named for part in wanted):
        raise DatasetError(
            f"{name} has the field {fields[0][:80]!r} alone, but must have {' and '.join(p.role for p in wanted)}.",
            remedy="Give each a column of its own; cells may be split by ',', ';', '|' or tabs.",
        )
    if problems:
        raise DatasetError(
            f"{name} has the fields {listed(fields)}, but {'; and '.join(problems)}.", remedy=_told(remedies)
        )
    if guessed:
        say(f"{name}: found {', '.join(guessed)}.")
    return [columns or () for columns in found]


def listed(names: Sequence[str]) -> str:
    """Write down some names, not all of very many."""
    shown = ", ".join(map(repr, names[:MAX_NAMES_SHOWN])) or "nothing"
    return f"{shown}, ..." if len(names) > MAX_NAMES_SHOWN else shown


def matching(name: str, fields: Sequence[str]) -> str | None:
    """Give the field of a name, as it is or without regard to case when exactly one goes by it."""
    if name in fields:
        return name
    alike = [field for field in fields if plain_name(field) == plain_name(name)]
    return alike[0] if len(alike) == 1 else None


def plain_name(name: str) -> str:
    """Write the name of a column in one way, without regard to case: "User Text" and user-text are user_text."""
    return str(name_of(name)).casefold().replace(" ", "_").replace("-", "_")


def _certain(part: Sought, fields: Sequence[str]) -> tuple[str, ...] | None:
    """Give the columns that need no guess: those that were named, of the model, or of a task's own name."""
    for columns in (part.named, part.own):
        if columns:
            matches = [matching(column, fields) for column in columns]
            if all(match is not None for match in matches):
                return tuple(match for match in matches if match is not None)
    if part.named:
        return None
    return next(((name,) for name in part.usual if name in fields), None)


def _fitting(part: Sought, fields: Sequence[str]) -> list[str]:
    """Give the fields whose names fit, the one that bears the name of the part alone where there is one."""
    first = matching(part.usual[0] if part.usual else part.role, fields)
    if first is not None:
        return [first]
    known = {plain_name(name) for name in (*part.usual, *ALIASES[part.role])}
    return [field for field in fields if plain_name(field) in known]


def _own_among(part: Sought, fields: Sequence[str]) -> list[str]:
    """Give the fields that are columns a model learnt from, where not all of these are there."""
    return [] if part.named else [match for column in part.own if (match := matching(column, fields)) is not None]


def _problem(part: Sought, fields: Sequence[str], fitting: Sequence[str]) -> str:
    if part.named:
        missing = [name for name in part.named if matching(name, fields) is None]
        return f"{part.setting} names {listed(missing)}"
    if _own_among(part, fields):
        missing = [name for name in part.own if matching(name, fields) is None]
        learnt = " and ".join(map(repr, part.own[:MAX_NAMES_SHOWN]))
        verb = "is" if len(missing) == 1 else "are"
        return f"the model learnt the {part.role} from {learnt}, and {listed(missing)} {verb} not there"
    if fitting:
        return f"the {part.role} may be in {' or '.join(map(repr, fitting[:MAX_NAMES_SHOWN]))}"
    known = dict.fromkeys((*part.own, *part.usual))
    return f"the {part.role} is looked for in {' or '.join(map(repr, known))} and the like"


def _told(remedies: Sequence[str]) -> str:
    settings = [remedy for remedy in remedies if remedy.startswith("--set")]
    others = [remedy for remedy in remedies if not remedy.startswith("--set")]
    return " ".join([*others, *(["Name what is meant:", *settings] if settings else [])])


def _remedy(part: Sought, fields: Sequence[str], fitting: Sequence[str], taken: set[str]) -> str:
    free = [field for field in islice(fields, MAX_FIELDS_COMPARED) if field not in taken]
    if not free:
        if part.named:
            return f"Add the column {part.named[0]!r}, or drop {part.setting}."
        return f"Add a column named {part.usual[0] if part.usual else part.role}."
    if len(fitting) > 1:
        alone = f"--set {_setting(part, fitting[0])}"
        several = _setting(part, f"[{','.join(fitting[:MAX_NAMES_SHOWN])}]")
        return alone if part.role == "label" else f"{alone} (or together: --set {several})"
    if there := _own_among(part, fields):
        return f"--set {_setting(part, there[0] if len(there) == 1 else '[' + ','.join(there) + ']')}"
    if len(part.named) > 1:
        columns = [matching(name, fields) or _nearest(name, free) for name in part.named]
        return f"--set {_setting(part, '[' + ','.join(columns) + ']')}"
    for name in part.named or part.usual:
        if (nearest := _nearest(name, free)) != "NAME":
            return f"--set {_setting(part, nearest)}"
    return f"--set {_setting(part, free[0] if len(free) == 1 else 'NAME')}"


def _nearest(name: str, fields: Sequence[str]) -> str:
    holding = [field for field in fields if plain_name(name) in plain_name(field).split("_")]
    telling = [field for field in holding if "id" not in plain_name(field).split("_")]
    if len(telling) == 1:
        return telling[0]
    by_plain = {plain_name(field)[:LONGEST_NAME_COMPARED]: field for field in fields}
    nearest = get_close_matches(
        plain_name(name)[:LONGEST_NAME_COMPARED], by_plain, n=1
    )  # comparing long names takes minutes
    return by_plain[nearest[0]] if nearest else "NAME"


def _setting(part: Sought, value: str) -> str:
    return quote(f"{part.setting}={value}")
