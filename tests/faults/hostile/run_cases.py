"""Run directories that somebody else has written: settings, summaries, cards, metrics, and links that lead out."""

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.faults.hostile.arena import Place
from tests.faults.hostile.case import ACCEPTED, ANY, EITHER, REFUSED, Case
from tests.faults.hostile.model_cases import DEEP, LONG_NUMBER, NO_FILES

OWNED = "\x1b]0;owned\x07\x1b[31m\u202e\x9b31m"
LIST = ("runs", "list", "--root", ".")
SHOW = ("runs", "show", "run")
RESUME = ("resume", "run")
NINE = ",".join(["x"] * 9)
ALIASES = f"a0: &a0 [{NINE}]\n" + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10))

RUN_FILES: dict[str, str | bytes] = {
    "that runs a command": "task: !!python/object/apply:os.system ['touch CODE-RAN']\n",
    "that imports a module": "task: !!python/name:os.system\n",
    "of aliases of aliases": ALIASES + "task: *a9\n",
    "of an alias of itself": "task: &a [*a]\n",
    "nested 20,000 deep": "task: " + "[" * 20_000,
    "with a number of 6,000 digits": f"task: text_classification\nseed: {LONG_NUMBER}\n",
    "that is not UTF-8": b"task: \xff\xfe\n",
    "with a list as a key": "? [a, b]\n: c\n",
    "with a mapping as a key": "? {a: b}\n: c\n",
    "that is a list": "- task\n",
    "that is empty": "",
    "with an unknown setting": "evil_setting: 1\n",
    "with escapes": 'task: "a\\e[31m\\u202e"\n',
    "with NUL": b"task: a\0b\n",
    "with two documents": "task: a\n---\ntask: b\n",
    "with settings of wrong types": "task: [text_classification]\nbatch_size: {a: 1}\nmax_length: [1]\n",
}
GOOD_SUMMARY = {"success": True, "run_id": "x", "task": "text_classification", "metric_name": "f1", "best_metric": 0.5}
SUMMARIES: dict[str, Any] = {
    "empty": "",
    "a list": "[]",
    "deep": DEEP,
    "not UTF-8": b"\xff\xfe",
    "with a number of 6,000 digits": '{"success": false, "best_metric": ' + LONG_NUMBER + "}",
    "with a text as its score": {**GOOD_SUMMARY, "best_metric": "x"},
    "with a list as its score": {**GOOD_SUMMARY, "best_metric": [1], "best_epoch": "y"},
    "with an infinite score": '{"success": true, "best_metric": Infinity, "best_epoch": NaN}',
    "with numbers as names": {"run_id": 5, "task": None, "metric_name": {}, "success": 1},
    "with escapes": {**GOOD_SUMMARY, "run_id": OWNED, "task": OWNED, "metric_name": OWNED, "stop_reason": OWNED},
    "with half a character": '{"success": true, "task": "\\ud800", "run_id": "\\udfff"}',
    "with markup": {**GOOD_SUMMARY, "task": "[/bold][link=file:///etc/passwd]x"},
}


def config(place: Place, content: str | bytes) -> Sequence[str]:
    """Write a run file to train from."""
    place.write("evil.yaml", content)
    return ("train", "--config", "evil.yaml", "--output", "out")


def resumed_config(place: Place, content: str | bytes) -> Sequence[str]:
    """Replace the run file of a killed run."""
    place.stopped()
    place.write("run/run.yaml", content)
    return RESUME


def summary(place: Place, content: Any, words: Sequence[str]) -> Sequence[str]:
    """Replace the summary of a finished run."""
    place.finished()
    place.write("run/summary.json", json.dumps(content) if isinstance(content, dict) else content)
    return words


def summaries() -> Iterator[Case]:
    """A bad summary is passed over with a word by the list, and is never trusted."""
    for name, content in SUMMARIES.items():
        yield Case(f"runs list: a summary {name}", functools.partial(summary, content=content, words=LIST), ACCEPTED)
        if name not in ("deep", "with escapes", "with half a character", "a list"):
            continue
        yield Case(f"runs show: a summary {name}", functools.partial(summary, content=content, words=SHOW), EITHER)
    for name in ("deep", "with a list as its score", "not UTF-8"):
        build = functools.partial(summary, content=SUMMARIES[name], words=RESUME)
        yield Case(f"resume: a summary {name}", build, ANY)


CARDS: dict[str, dict[str, Any]] = {
    "an unknown task": {"task": "evil"},
    "a list as its task": {"task": ["text_classification"]},
    "no labels": {"labels": None},
    "labels that the model does not have": {"labels": ["a"]},
    "numbers as labels": {"labels": [1, 2]},
    "a mapping as labels": {"labels": {"a": 1}},
    "a text as its length": {"max_length": "x"},
    "a length below zero": {"max_length": -3},
    "a batch of none": {"batch_size": 0},
    "a text as its batch": {"batch_size": "x"},
    "an unknown precision": {"precision": "int4"},
    "a list as its precision": {"precision": [1]},
    "a list as its field": {"text_field": [1]},
}
# What a reader may make of these is its own affair, as long as it stays calm.
ODD_CARDS: dict[str, str | bytes | dict[str, Any]] = {
    "escapes as labels": {"labels": [OWNED, "b"]},
    "half a character as a label": '{"task": "text_classification", "labels": ["\\ud800", "b"], "max_length": 32}',
    "a model elsewhere": {"model_name": "../../outside"},
    "data that is deep": '{"task": "text_classification", "data": ' + DEEP + "}",
    "an immense batch": {"batch_size": 10**15},
    "an immense length": {"max_length": 10**12},
}
BROKEN_CARDS: dict[str, str | bytes] = {
    "empty": "",
    "a list": "[]",
    "deep": DEEP,
    "not UTF-8": b"\xff",
    "a number of 6,000 digits": '{"task": "text_classification", "max_length": ' + LONG_NUMBER + "}",
}


def card(place: Place, content: Any, command: str) -> Sequence[str]:
    """Edit the card of a finished model; a key that becomes None goes."""
    path = place.finished() / "model" / "athanor.json"
    if isinstance(content, dict):
        held = {**json.loads(path.read_text()), **content}
        content = json.dumps({key: value for key, value in held.items() if value is not None})
    place.write("run/model/athanor.json", content)
    return (
        ("predict", "run", "--input", "-") if command == "predict" else ("evaluate", "run", "--dataset", "rows.jsonl")
    )


def cards() -> Iterator[Case]:
    """Cards of models with wrong types and missing keys."""
    for command in ("predict", "evaluate"):
        for name, content in CARDS.items():
            if command == "evaluate" and "batch" not in name and "precision" not in name:
                continue
            says = (r"athanor\.json|label",)
            build = functools.partial(card, content=content, command=command)
            exits = EITHER if command == "predict" and "batch" in name else REFUSED
            yield Case(f"{command}: a card with {name}", build, exits, says if exits == REFUSED else ())
    for name, broken in BROKEN_CARDS.items():
        build = functools.partial(card, content=broken, command="predict")
        yield Case(f"predict: a card that is {name}", build, REFUSED, (r"athanor\.json",))
    for name, odd in ODD_CARDS.items():
        yield Case(f"predict: a card with {name}", functools.partial(card, content=odd, command="predict"), EITHER)


def series_card(place: Place, damage: Callable[[Any], Any]) -> Sequence[str]:
    """Give every value of a forecaster's card another type."""
    path = place.finished("forecaster") / "model" / "athanor.json"
    held = json.loads(path.read_text())
    path.write_text(json.dumps({key: value if key == "task" else damage(value) for key, value in held.items()}))
    return ("predict", "run", "--input", str(place.good / "table.csv"))


METRICS: dict[str, str | bytes] = {
    "garbage": "garbage\n",
    "a deep line": DEEP + "\n",
    "a line of wrong types": '{"name": 7, "value": "x", "step": [], "epoch": {}, "timestamp": null}\n',
    "a number of 6,000 digits": '{"name": "a", "value": ' + LONG_NUMBER + ', "step": 1, "epoch": 0, "timestamp": 0}\n',
    "escapes as a name": json.dumps({"name": OWNED, "value": 1.0, "step": 1, "epoch": 0, "timestamp": 0.0}) + "\n",
    "half a character": '{"name": "\\ud800", "value": 1.0, "step": 1, "epoch": 0, "timestamp": 0.0}\n',
}


def metrics(place: Place, content: str | bytes) -> Sequence[str]:
    """Put a line before those of a killed run."""
    path = place.stopped() / "metrics.jsonl"
    path.write_bytes((content.encode() if isinstance(content, str) else content) + path.read_bytes())
    return RESUME


def linked(place: Place, name: str) -> Sequence[str]:
    """Let an entry of a killed run be a link to a file outside."""
    path = place.stopped() / name
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(place.outside / "precious")
    return RESUME


def linked_directory(place: Place, name: str) -> Sequence[str]:
    """Let an entry of a killed run be a link to a directory outside, with the content that the entry had."""
    path, there = place.stopped() / name, place.outside / "there"
    if path.exists():
        path.rename(there)
    else:
        there.mkdir()
        (there / "keep").write_text("precious")
    path.symlink_to(there)
    return RESUME


def odd_entry(place: Place, name: str, make: Callable[[Path], object], words: Sequence[str]) -> Sequence[str]:
    """Put something in the place of a file of a run that is no regular file."""
    path = place.stopped() / name
    path.unlink(missing_ok=True)
    make(path)
    return words


def odd_entries() -> Iterator[Case]:
    """Things that are no files, where a run has files."""
    for kind in ("a fifo", "endless zeros"):
        for name, words, exits in (
            ("run.yaml", RESUME, REFUSED),
            ("summary.json", LIST, ACCEPTED),
            ("summary.json", RESUME, ANY),
            ("metrics.jsonl", RESUME, ANY),
            ("log.jsonl", RESUME, ANY),
            ("run.lock", RESUME, ANY),
        ):
            build = functools.partial(odd_entry, name=name, make=NO_FILES[kind], words=words)
            yield Case(f"{words[0]}: {name} is {kind}", build, exits)


def elsewhere(place: Place) -> Sequence[str]:
    """Let a killed run name another directory as its own."""
    path = place.stopped() / "run.yaml"
    lines = path.read_text().splitlines()
    kept = [line for line in lines if not line.startswith("output_dir")]
    path.write_text("\n".join([*kept, f"output_dir: {place.outside / 'there'}"]) + "\n")
    return RESUME


def with_leftovers(place: Place) -> Sequence[str]:
    """Leave links where killed writers leave directories."""
    run = place.stopped()
    for name in (".staging-step-00000050-999999", ".staging-replaced-step-00000050"):
        (run / "checkpoints" / name).symlink_to(place.outside)
    (run / ".staging-model-999999").symlink_to(place.outside)
    return RESUME


def named_with_escapes(place: Place) -> Sequence[str]:
    """Give a run and the directory above it names that drive a terminal."""
    (place.work / f"all{OWNED}").mkdir()
    place.finished().rename(place.work / f"all{OWNED}" / f"run{OWNED}")
    return ("runs", "list", "--root", f"all{OWNED}")


CARD = r"athanor\.json"
LINKS = ("metrics.json", "metrics.csv", "metrics.jsonl", "summary.json", "training_curves.png", "confusion_matrix.png",
         "report.html", "outcomes.parquet", "log.jsonl", "run.lock")  # fmt: skip

CASES = [
    *(Case(f"train: a run file {name}", functools.partial(config, content=c), REFUSED, (), (), max_errors=30)
      for name, c in RUN_FILES.items() if name != "that is empty"),
    *(Case(f"resume: a run file {name}", functools.partial(resumed_config, content=c), REFUSED, (), (), max_errors=30)
      for name, c in RUN_FILES.items() if "with" not in name),
    *summaries(),
    *cards(),
    *(Case(f"predict: a forecaster's card of {name}", functools.partial(series_card, damage=d), REFUSED, (CARD,))
      for name, d in (("texts", str), ("lists", lambda value: [value]), ("nothing", lambda value: None),
                      ("numbers", lambda value: 10**12), ("empty objects", lambda value: {}))),
    *(Case(f"resume: metrics with {name}", functools.partial(metrics, content=c), ANY) for name, c in METRICS.items()),
    *(Case(f"resume: {name} is a link to a file outside", functools.partial(linked, name=name), ANY,
           reads_outside=True) for name in LINKS),
    *(Case(f"resume: {name} is a link to a directory outside", functools.partial(linked_directory, name=name), ANY,
           reads_outside=True)
      for name in ("model", "tokenizer")),
    *odd_entries(),
    Case("resume: another directory as the output", elsewhere, ANY),
    Case("resume: links where killed writers leave directories", with_leftovers, ANY, reads_outside=True),
    Case("runs list: names that drive a terminal", named_with_escapes, ACCEPTED),
]  # fmt: skip
