"""Short instructions with their answers: sums, words and lists, and expressions of Python that give what they say.

Every answer is worked out by the same code that words the question. Some chats go on with a second question, and some
begin with what the system says.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle

CHATS = 800
SHARE_WITH_SYSTEM, SHARE_WITH_SECOND = 0.2, 0.4
SYSTEM = (
    "You answer in one short line.",
    "You are a helpful assistant for small tasks.",
    "Answer briefly and without explanations.",
)
# fmt: off
WORDS = (
    "apple", "bread", "chair", "cloud", "door", "garden", "glass", "green", "house", "island", "kettle", "lamp",
    "lemon", "market", "mirror", "morning", "mountain", "music", "needle", "night", "orange", "paper", "pencil",
    "piano", "pocket", "river", "road", "roof", "salt", "school", "silver", "snow", "spoon", "stone", "storm",
    "street", "summer", "sugar", "table", "thread", "ticket", "tiger", "train", "tree", "village", "violin",
    "water", "window", "winter", "wolf", "wood", "yellow"
)
NAMES = (
    "ages", "bills", "books", "cities", "codes", "colours", "costs", "days", "dates", "files", "goals", "heights",
    "hours", "lines", "marks", "names", "notes", "numbers", "orders", "pages", "parts", "points", "prices",
    "results", "rows", "scores", "sizes", "steps", "tags", "times", "titles", "users", "values", "words", "years"
)
# fmt: on

Exchange = tuple[str, str]


@dataclass(frozen=True)
class Skill:
    """A kind of question that the generator can answer; `wordings` are filled with what `ask` gives."""

    name: str
    wordings: tuple[str, ...]
    ask: Callable[[random.Random], tuple[dict[str, object], str]]


def _sum(draw: random.Random) -> tuple[dict[str, object], str]:
    a, b = draw.randint(1, 20), draw.randint(1, 20)
    return {"a": a, "b": b}, f"{a} + {b} = {a + b}"


def _difference(draw: random.Random) -> tuple[dict[str, object], str]:
    b, c = draw.randint(1, 12), draw.randint(0, 12)
    return {"a": b + c, "b": b}, f"{b + c} - {b} = {c}"


def _larger(draw: random.Random) -> tuple[dict[str, object], str]:
    a, b = draw.sample(range(1, 100), 2)
    return {"a": a, "b": b}, f"{max(a, b)} is larger than {min(a, b)}."


def _sorted(draw: random.Random) -> tuple[dict[str, object], str]:
    words = draw.sample(WORDS, 3)
    return {"list": ", ".join(words)}, ", ".join(sorted(words))


def _reversed_list(draw: random.Random) -> tuple[dict[str, object], str]:
    words = draw.sample(WORDS, 3)
    return {"list": ", ".join(words)}, ", ".join(reversed(words))


def _letters(draw: random.Random) -> tuple[dict[str, object], str]:
    word = draw.choice(WORDS)
    return {"word": word}, f"{word!r} has {len(word)} letters."


def _initial(draw: random.Random) -> tuple[dict[str, object], str]:
    word = draw.choice(WORDS)
    return {"word": word}, f"{word!r} begins with {word[0]!r}."


def _repeated(draw: random.Random) -> tuple[dict[str, object], str]:
    word, times = draw.choice(WORDS), draw.randint(2, 4)
    return {"word": word, "times": times}, " ".join([word] * times)


def _capitals(draw: random.Random) -> tuple[dict[str, object], str]:
    word = draw.choice(WORDS)
    return {"word": word}, word.upper()


def _sum_of_list(draw: random.Random) -> tuple[dict[str, object], str]:
    name = draw.choice(NAMES)
    return {"name": name}, f"sum({name})"


def _longest(draw: random.Random) -> tuple[dict[str, object], str]:
    name = draw.choice(NAMES)
    return {"name": name}, f"max({name}, key=len)"


def _filtered(draw: random.Random) -> tuple[dict[str, object], str]:
    name, bound = draw.choice(NAMES), draw.randint(1, 50)
    return {"name": name, "bound": bound}, f"[x for x in {name} if x > {bound}]"


def _last(draw: random.Random) -> tuple[dict[str, object], str]:
    name, count = draw.choice(NAMES), draw.randint(2, 9)
    return {"name": name, "count": count}, f"{name}[-{count}:]"


def _joined(draw: random.Random) -> tuple[dict[str, object], str]:
    name, sign = draw.choice(NAMES), draw.choice([",", ";", "-", "/"])
    return {"name": name, "sign": sign}, f"{sign!r}.join({name})"


SKILLS = (
    Skill("sum", ("What is {a} plus {b}?", "Add {a} and {b}.", "How much is {a} + {b}?"), _sum),
    Skill("difference", ("What is {a} minus {b}?", "Take {b} from {a}.", "How much is {a} - {b}?"), _difference),
    Skill("larger", ("Which is larger, {a} or {b}?", "Name the larger of {a} and {b}."), _larger),
    Skill("sorted", ("Sort these words: {list}", "Put in alphabetical order: {list}"), _sorted),
    Skill("reversed", ("Write this list backwards: {list}", "Reverse the order of: {list}"), _reversed_list),
    Skill("letters", ("How many letters has the word {word}?", "Count the letters of {word}."), _letters),
    Skill("initial", ("With which letter does {word} begin?", "What is the first letter of {word}?"), _initial),
    Skill("repeated", ("Say {word} {times} times.", "Repeat the word {word} {times} times."), _repeated),
    Skill("capitals", ("Write {word} in capital letters.", "Turn {word} into upper case."), _capitals),
    Skill(
        "sum of list", ("Python: the sum of the list {name}.", "Give Python code that adds up {name}."), _sum_of_list
    ),
    Skill("longest", ("Python: the longest text in {name}.", "Give Python code for the longest of {name}."), _longest),
    Skill(
        "filtered",
        ("Python: the numbers of {name} above {bound}.", "Filter {name} above {bound} in Python."),
        _filtered,
    ),
    Skill(
        "last",
        ("Python: the last {count} items of {name}.", "Give Python code for the end of {name}, {count} items."),
        _last,
    ),
    Skill(
        "joined", ("Python: join {name} with '{sign}'.", "Give Python code that joins {name} with '{sign}'."), _joined
    ),
)


def instruction_rows(seed: int = 42) -> list[dict[str, list[dict[str, str]]]]:
    """Draw chats of one or two exchanges, no two of which begin with the same question."""
    draw = random.Random(seed)
    rows: list[dict[str, list[dict[str, str]]]] = []
    asked: set[str] = set()
    for skill in cycle(SKILLS):
        if len(rows) == CHATS:
            break
        question, answer = exchange(skill, draw)
        if question in asked:
            continue
        asked.add(question)
        turns = [("system", draw.choice(SYSTEM))] if draw.random() < SHARE_WITH_SYSTEM else []
        turns += [("user", question), ("assistant", answer)]
        if draw.random() < SHARE_WITH_SECOND:
            question, answer = exchange(draw.choice(SKILLS), draw)
            turns += [("user", question), ("assistant", answer)]
        rows.append({"messages": [{"role": role, "content": content} for role, content in turns]})
    draw.shuffle(rows)
    return rows


def exchange(skill: Skill, draw: random.Random) -> Exchange:
    """Word a question, and answer it."""
    values, answer = skill.ask(draw)
    return draw.choice(skill.wordings).format(**values), answer
