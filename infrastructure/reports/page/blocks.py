"""What a page is made of: values without a word of HTML, which `html.py` writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Points = Sequence[float | None]


@dataclass(frozen=True)
class Estimate:
    """A value and the ends of its interval, NaN where that is not known."""

    value: float | None
    low: float
    high: float


Cell = str | int | float | Estimate | None


@dataclass(frozen=True)
class Paragraph:
    """Sentences; a warning stands out, a note stands back."""

    text: str
    tone: Literal["plain", "note", "warning"] = "plain"


@dataclass(frozen=True)
class Facts:
    """Names and what is known of them."""

    pairs: Mapping[str, str]


@dataclass(frozen=True)
class Command:
    """A line for a shell, or lines of another language, to be copied whole."""

    text: str
    language: str = "sh"


@dataclass(frozen=True)
class Column:
    """A column of a table: `share` is between 0 and 1 and written in percent.

    Of a long `text` the beginning is seen, and a reader unfolds it. A table with `prose`, texts to be read, is a list
    of its rows on a telephone.
    """

    name: str
    kind: Literal["text", "prose", "count", "number", "share"] = "text"


@dataclass(frozen=True)
class Table:
    """Rows that a reader can sort by any column; the first `rows_shown` are seen before more are asked for."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    rows_shown: int = 20


@dataclass(frozen=True)
class Axis:
    """What is along one side: `ticks` name places of their own, such as times; else numbers are chosen."""

    label: str
    log: bool = False
    share: bool = False
    ticks: Sequence[tuple[float, str]] = ()


@dataclass(frozen=True)
class Line:
    """Points [N] joined, or as dots; None leaves a gap. `hue` chooses one of six colours, the same for the same thing.

    0 is this model or its training, 1 its evaluation, 2 the truth, 3 to 5 rivals.
    """

    name: str
    x: Sequence[float]
    y: Points
    hue: int = 0
    style: Literal["solid", "dashed", "dots"] = "solid"


@dataclass(frozen=True)
class Band:
    """What lies between two lines [N]; stronger ones are more opaque."""

    name: str
    x: Sequence[float]
    low: Points
    high: Points
    hue: int = 0
    strength: float = 0.2


@dataclass(frozen=True)
class Level:
    """A value that stays the same, such as that of a rival: a line across, named at its end."""

    name: str
    y: float
    hue: int = 3


@dataclass(frozen=True)
class Mark:
    """One point with a word to it, such as the best."""

    text: str
    x: float
    y: float


@dataclass(frozen=True)
class Chart:
    """Lines over an axis. `summary` tells it in words to those who do not see it; no title where one stands above."""

    title: str
    x: Axis
    y: Axis
    lines: Sequence[Line]
    summary: str
    bands: Sequence[Band] = ()
    levels: Sequence[Level] = ()
    marks: Sequence[Mark] = ()


@dataclass(frozen=True)
class Bar:
    """A value, and how sure it is where that is known; None where there is no value."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    hue: int = 0


@dataclass(frozen=True)
class Bars:
    """Values side by side, all from zero."""

    title: str
    bars: Sequence[Bar]
    share: bool = False


@dataclass(frozen=True)
class Matrix:
    """Counts [C, C] of rows by true class (downward) and answer (across); a reader can sort the classes.

    A cell tells its classes and its share in words when it is pointed at or reached by the arrow keys.
    """

    title: str
    names: Sequence[str]
    counts: Sequence[Sequence[int]]
    counted: str = "rows"


@dataclass(frozen=True)
class Texts:
    """Texts that belong together, by their names; with `marked`, two of these names, where those differ is marked."""

    heading: str
    texts: Mapping[str, str]
    marked: tuple[str, str] | None = None


@dataclass(frozen=True)
class Group:
    """Blocks one below the other where one is wanted, such as a view of a choice."""

    blocks: "Sequence[Block]"


@dataclass(frozen=True)
class Choice:
    """The same thing seen in several ways, of which a reader chooses one; all are printed."""

    title: str
    views: "Mapping[str, Block]"


@dataclass(frozen=True)
class Folded:
    """What is there for those who ask; it is printed open."""

    title: str
    blocks: "Sequence[Block]"


Block = Paragraph | Facts | Command | Table | Chart | Bars | Matrix | Texts | Group | Choice | Folded


@dataclass(frozen=True)
class Section:
    """A part of a page under a heading."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A page: its title, what it says in a sentence, and its sections in their order."""

    title: str
    sentence: str
    sections: Sequence[Section]
