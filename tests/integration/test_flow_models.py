"""A reader of code: its relations, its windows, what it says, and its life as a directory."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import athanor
from application.training_request import TrainModelRequest
from domain.exceptions import ConfigurationError, ModelError
from infrastructure.code_reading.batching import MOST_WINDOWS, Arrays, asked_in_parts
from infrastructure.code_reading.bindings import TARGET, VALUE
from infrastructure.code_reading.grams import grams_of
from infrastructure.code_reading.vocabulary import FIRST_LINE, FIRST_NAME, NUM_NAMES, VOCABULARY, Vocabulary
from infrastructure.code_reading.windows import windows_of
from infrastructure.container import Container
from infrastructure.data.feed import Feed, RowNoise
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.flow.factory import open_reader
from infrastructure.models.flow.model import FlowClassifier
from infrastructure.models.flow.relations import NEIGHBOURS, relations
from infrastructure.predictors import PredictorSource
from infrastructure.tasks.flow import adapter, answering
from infrastructure.tasks.flow.adapter import FlowClassification
from infrastructure.tasks.flow.rows import MOST_TOGETHER, FlowRows
from infrastructure.tasks.labels.scoring import LabelScoring
from infrastructure.tasks.task_of_model import task_for
from tests.support import flowing
from tests.support.resuming import bytes_of, metrics_of, stopped_and_resumed

ADAPTER = FlowClassification(LabelScoring(flowing.LABELS, negative_label="safe"), 0, len(flowing.WORDS), 64)


SOURCES = ("def f(a):\n    return os.system(a)\n" * 5, "def g(b):\n    b = input()\n    return 0\n", "os.system(x)")


def logits(model: FlowClassifier, *sources: str, noise: RowNoise | None = None, max_length: int = 64) -> Tensor:
    task = FlowClassification(LabelScoring(flowing.LABELS), 0, len(flowing.WORDS), max_length)
    encoded = [flowing.WORDS.encode(source) for source in sources]
    with torch.inference_mode():
        return task.logits(model, task.collate([e.item() for e in encoded], noise))


def slow_relations(ids: list[int], roles: list[int], links: list[list[int]]) -> np.ndarray:
    """Relate tokens one pair after the other, as the definition says it."""
    size, line, lines = len(ids), 0, []
    for number in ids:
        line += FIRST_LINE <= number < FIRST_LINE + 10
        lines.append(line)
    is_name = [FIRST_NAME <= number < FIRST_NAME + NUM_NAMES for number in ids]
    found = np.zeros((6, size, size), dtype=bool)
    for i in range(size):
        binding = [
            lines[k]
            for k in range(size)
            if is_name[i] and ids[k] == ids[i] and roles[k] == TARGET and lines[k] < lines[i]
        ]
        if roles[i] == TARGET and is_name[i]:
            binding = []
        for j in range(size):
            found[0, i, j] = is_name[i] and ids[i] == ids[j]
            found[1, i, j] = lines[i] == lines[j]
            found[2, i, j] = bool(binding) and lines[j] == max(binding) and roles[j] == VALUE
            found[3, i, j] = lines[j] in binding and roles[j] == VALUE
            found[4, i, j] = abs(i - j) <= NEIGHBOURS
            found[5, i, j] = links[j][0] == i or links[i][1] == j
    return found


@pytest.mark.parametrize("seed", range(4))
def test_relations_are_those_of_a_slow_reference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    choices = [FIRST_NAME, FIRST_NAME + 1, FIRST_NAME + 2, FIRST_LINE, FIRST_LINE + 3, 1, 120]
    ids, roles = rng.choice(choices, (3, 40)), rng.integers(0, 3, (3, 40))
    links = np.where(rng.random((3, 40, 2)) < 0.3, rng.integers(0, 40, (3, 40, 2)), -1)
    fast = relations(torch.from_numpy(ids), torch.from_numpy(roles), torch.from_numpy(links)).numpy()
    for row in range(3):
        assert np.array_equal(fast[row], slow_relations(ids[row].tolist(), roles[row].tolist(), links[row].tolist()))


def test_a_program_with_other_names_has_the_same_scores() -> None:
    one = "def f(a):\n    b = a\n    return os.system(b)"
    other = one.replace("f(", "launch(").replace("a", "zebra").replace("b", "quagga")
    model = flowing.reader()
    assert torch.equal(logits(model, one), logits(model, "def f(c):\n    d = c\n    return os.system(d)"))
    assert other != one


def test_scores_are_probabilities_and_no_row_sees_its_neighbours() -> None:
    model, long = flowing.reader(), "x = os.system(y)\n" * 30
    alone, both = logits(model, "os.system(a)"), logits(model, "os.system(a)", long)
    assert torch.allclose(alone[0], both[0], atol=1e-5)
    assert torch.allclose(both.exp().sum(1), torch.ones(2), atol=1e-5)


def test_names_are_numbered_anew_in_each_step_and_alike_in_the_same() -> None:
    source = flowing.WORDS.encode("a = b\nc = a")
    item = source.item()
    drawn = [ADAPTER.collate([item], RowNoise(1, step, np.array([7])))["input_ids"] for step in (3, 3, 4)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert drawn[0][0, 1] == drawn[0][0, 7]  # both are a


def test_a_hidden_word_is_one_name_wherever_it_stands_and_no_other() -> None:
    task = FlowClassification(LabelScoring(flowing.LABELS), 0, len(flowing.WORDS), 64, word_dropout=0.9)
    source = flowing.WORDS.encode("os.system(x); request.args; os.args; x")
    item = source.item()
    whole = task.collate([item], None)["input_ids"][0]
    for step in range(8):
        hidden = task.collate([item], RowNoise(1, step, np.array([7])))["input_ids"][0]
        pairs = {(int(before), int(now)) for before, now in zip(whole, hidden, strict=True)}
        assert len({before for before, _ in pairs}) == len({now for _, now in pairs}) == len(pairs)
        assert not torch.equal(whole, hidden)


def test_a_step_reads_few_windows_of_long_code_and_those_with_harm_always() -> None:
    ids = np.full(3_000, 120, dtype=np.int32)
    marks = np.zeros((3_000, 2), dtype=np.int8)
    marks[2_000, 0] = 1
    item = {
        "input_ids": ids,
        "roles": np.zeros(3_000, np.int8),
        "links": np.full((3_000, 2), -1),
        "labels": 3,
        "kind": -1,
        "marks": marks,
    }
    read = [ADAPTER.collate([item], RowNoise(1, step, np.array([0]))) for step in (0, 1)]
    assert all(len(batch["input_ids"]) == MOST_WINDOWS for batch in read)
    assert all(int((batch["marks"][..., 0] == 1).sum()) >= 1 for batch in read)
    assert len(ADAPTER.collate([item], None)["input_ids"]) == len(windows_of(ids, 64)) > MOST_WINDOWS


def test_how_a_step_is_cut_into_parts_changes_no_loss() -> None:
    model, rows = flowing.reader(), []
    for row in flowing.programs(6):
        source = flowing.WORDS.encode(row["code"] * 3)
        marks = np.zeros((len(source.ids), 2), dtype=np.int8)
        marks[3:9, 0] = row["label"] != "safe"
        kind = {22: 0, 78: 1}[row["cwe"]]
        label = flowing.LABELS.index(row["label"])
        rows.append({**source.item(), "labels": label, "kind": kind, "marks": marks})
    whole = ADAPTER.loss_sum(model, ADAPTER.collate(rows, RowNoise(0, 5, np.arange(6))))
    parts = [[0], [1, 2, 3], [4, 5]]
    each = [ADAPTER.collate([rows[n] for n in part], RowNoise(0, 5, np.array(part))) for part in parts]
    assert torch.allclose(whole, torch.stack([ADAPTER.loss_sum(model, batch) for batch in each]).sum(), rtol=1e-5)


def test_windows_cover_all_tokens_begin_at_lines_and_keep_their_length() -> None:
    rng = np.random.default_rng(0)
    assert windows_of(np.array([FIRST_LINE] * 9), 1)[-1] == (8, 9)
    for length in (1, 62, 63, 64, 500, 2000):
        ids = rng.choice([FIRST_LINE, 120, 130, 140, 150, 160], length)
        windows = windows_of(ids, 64)
        assert windows[0][0] == 0
        assert windows[-1][1] == length
        assert all(0 < end - start <= 63 for start, end in windows)
        assert all(after[0] <= before[1] for before, after in pairwise(windows))
        assert all(before[0] < after[0] for before, after in pairwise(windows))


def test_text_without_a_single_line_break_is_cut_all_the_same() -> None:
    assert windows_of(np.full(200, 120), 64)[-1][1] == 200


@pytest.mark.parametrize("kinds", [[], [0, 22, 78]])
def test_a_verdict_without_torch_is_that_of_the_training(kinds: list[int]) -> None:
    model = flowing.reader(3, kinds=kinds)
    if kinds:
        shares = torch.rand(len(kinds), len(flowing.LABELS) - 1)
        model.severities = shares / shares.sum(1, keepdim=True)
    known = np.sort(np.unique(grams_of(np.asarray(flowing.WORDS.encode(SOURCES[0]).ids), len(flowing.WORDS))))
    random = np.random.default_rng(0)
    scores = random.normal(size=(len(known), 1 + model.kinds.out_features)).astype(np.float32)
    model.start_from(known, scores, np.ones(len(known), np.float32), scores[0])
    task = FlowClassification.of(model.config, LabelScoring(flowing.LABELS), 16)
    items = [flowing.WORDS.encode(source).item() for source in SOURCES]
    with torch.no_grad():
        marks, expected = task.read(model, batch := task.collate(items, None))
        said = asked_in_parts(in_arrays(model), {name: tensor.numpy() for name, tensor in batch.items()})
    logits, found = model.judging.verdict(said, {name: tensor.numpy() for name, tensor in batch.items()})
    np.testing.assert_allclose(logits, expected.logits.numpy(), atol=1e-5)
    np.testing.assert_allclose(found, expected.kinds.numpy(), atol=1e-5)
    np.testing.assert_allclose(said["marks"], marks.numpy(), atol=1e-5)


def in_arrays(model: FlowClassifier) -> Callable[[Arrays], Arrays]:
    def ask(windows: Arrays) -> Arrays:
        said = model(**{name: torch.from_numpy(array) for name, array in windows.items()})
        return {name: tensor.numpy() for name, tensor in said.items()}

    return ask


def test_a_weakness_at_the_end_of_long_code_is_found_where_the_same_short_one_is() -> None:
    model, filler = flowing.reader(), "n = n\n" * 1_300
    word = int(flowing.WORDS.encode("system").ids[0])
    with torch.no_grad():  # a reader that knows one word and looks at nothing else
        for name, parameter in model.named_parameters():
            if name.endswith(("out.weight", "narrow.weight")):
                parameter.zero_()
        model.roles.weight.zero_()
        state = model.norm(model.embedding_norm(model.embeddings.weight))
        model.marks.weight[0] = state[word]
        model.marks.bias[0] = 0.5 - state[word].square().sum()
    weak = "def f(a):\n    os.system(a)\n"
    assert len(flowing.WORDS.encode(filler).ids) > 5_000
    short, front, behind, without = logits(model, weak, weak + filler, filler + weak, filler)
    assert torch.allclose(short, behind, atol=1e-5)
    assert torch.allclose(short, front, atol=1e-5)
    assert short[0] < without[0] - 0.3


def test_a_directory_gives_the_same_scores(tmp_path: Path) -> None:
    model = flowing.reader()
    saved(model, tmp_path / "model")
    opened = open_reader(tmp_path / "model", flowing.LABELS)
    sources = ["os.system(input())", "x = request.args\nos.system(x)"]
    assert torch.equal(logits(model, *sources), logits(opened.model.eval(), *sources))
    assert opened.vocabulary == flowing.WORDS


def saved(model: FlowClassifier, directory: Path) -> None:
    card = {"task": "security_classification", "labels": list(flowing.LABELS), "max_length": 64}
    ModelBundle(model, card=card, beside={VOCABULARY: flowing.WORDS.text()}).save(directory, {})


def edited(file: str, **changes: Any) -> Any:
    def edit(directory: Path) -> None:
        content = json.loads((directory / file).read_text())
        (directory / file).write_text(json.dumps({**content, **changes}))

    return edit


HOSTILE = [
    (edited(VOCABULARY, words=["a"] * 3), "a word stands twice"),
    (edited(VOCABULARY, words=["a" * 65]), r"words\[0\] must be a word of 1 to 64 characters"),
    (edited(VOCABULARY, words=[1]), r"words\[0\] must be a word"),
    (edited(VOCABULARY, words=["<cls>"]), "must begin with a letter"),
    (edited(VOCABULARY, words={"a": 1}), "words must be a list"),
    (edited(VOCABULARY, format=2), "format 1"),
    (edited(VOCABULARY, words=["a"]), "has words for"),
    (lambda directory: (directory / VOCABULARY).write_text("[" * 100_000), "cannot be opened"),
    (lambda directory: (directory / VOCABULARY).write_bytes(b"\xff"), "cannot be opened"),
    (lambda directory: (directory / VOCABULARY).unlink(), f"has no {VOCABULARY}"),
    (lambda directory: (directory / VOCABULARY).write_bytes(b" " * (33 << 20)), "more than 32 MiB"),
    (edited("config.json", hidden_size="wide"), "sizes must be whole numbers"),
    (edited("config.json", hidden_size=10**9), "hidden_size"),
    (edited("config.json", num_heads=5), "no even multiple"),
    (edited("config.json", num_layers=3), "do not fit|are missing"),
    (edited("config.json", marks=[]), "marks must be names"),
    (edited("config.json", marks=["a", "b", "c"]), "another shape"),
    (edited("config.json", kinds=["78"]), "kinds must be numbers"),
    (edited("config.json", kinds=[22, 78, 79]), "another shape"),
    (edited("config.json", negative_label=7), "negative_label 7"),
    (edited("config.json", dropout=2), "dropout is 2"),
    (edited("config.json", vocab_size=10**7), "describes|another shape|vocab_size"),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "told"), HOSTILE)
def test_a_hostile_directory_is_refused_in_a_sentence(edit: Any, told: str, tmp_path: Path) -> None:
    saved(flowing.reader(), tmp_path / "model")
    edit(tmp_path / "model")
    with pytest.raises(ModelError, match=told):
        PredictorSource().open(str(tmp_path / "model"))


def test_tensors_of_another_shape_are_named_whatever_their_memory_held(tmp_path: Path) -> None:
    saved(flowing.reader(), tmp_path / "model")
    edited("config.json", kinds=[22, 78, 79])(tmp_path / "model")
    torch.use_deterministic_algorithms(True)  # fills memory that nobody has written with NaN
    try:
        with pytest.raises(ModelError, match="another shape"):
            PredictorSource().open(str(tmp_path / "model"))
    finally:
        torch.use_deterministic_algorithms(False)


def test_other_labels_are_refused(tmp_path: Path) -> None:
    saved(flowing.reader(), tmp_path / "model")
    with pytest.raises(ModelError, match="tells the labels safe, low"):
        open_reader(tmp_path / "model", ("safe", "high"))


@pytest.mark.parametrize(
    "changes",
    [
        {"adapter": "lora"},
        {"freeze": "embeddings"},
        {"lowercase": True},
        {"layer_decay": 0.9},
        {"gradient_checkpointing": True},
    ],
)
def test_settings_that_mean_nothing_to_it_are_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"{next(iter(changes))} is .* follows values"):
        flowing.request(tmp_path, **changes).resolved()


def test_another_task_has_no_such_preset(tmp_path: Path) -> None:
    asked = flowing.request(tmp_path).changed(task="text_classification")
    with pytest.raises(ConfigurationError, match="but of security_classification"):
        asked.resolved()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("whole")
    response = Container().train_model().execute(flowing.request(directory))
    assert response.success, response.errors
    return directory / "run"


@pytest.mark.parametrize("step", [1, 4])
def test_a_stopped_and_resumed_run_ends_with_the_same_bytes(whole: Path, tmp_path: Path, step: int) -> None:
    stopped_and_resumed(flowing.request(tmp_path), step)
    assert bytes_of(tmp_path / "run") == bytes_of(whole)
    assert metrics_of(tmp_path / "run") == metrics_of(whole)


def test_answers_have_lines_and_kinds_where_code_is_weak(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "asked.jsonl"
    path.write_text("".join(f"{json.dumps({'code': row['code']})}\n" for row in flowing.programs(6)) + "{}\n")
    *answers, bad = PredictorSource().open(str(whole)).predict(str(path))
    for answer in answers:
        assert sum(answer["scores"].values()) == pytest.approx(1, abs=1e-5)
        is_weak = answer["label"] != "safe"
        assert (answer["cwe"] in ("CWE-22", "CWE-78")) == is_weak
        assert bool(answer["lines"]) == is_weak
        assert set(answer["lines"]) <= {1, 2, 3, 4}
    assert (bad["label"], bad["lines"], bad["cwe"]) == (None, None, None)


def test_an_evaluation_of_the_same_rows_gives_the_same_scores(whole: Path) -> None:
    model = PredictorSource().open(str(whole))
    result = model.evaluate(str(whole.parent / "programs.jsonl"))
    assert result.num_rows == 60
    assert 0.0 <= result.metrics["accuracy"] <= 1.0


def test_a_finished_reader_is_gone_on_with(whole: Path, tmp_path: Path) -> None:
    asked = flowing.request(tmp_path, model_name=str(whole / "model"), max_steps=2)
    response = Container().train_model().execute(asked)
    assert response.success, response.errors
    before = Vocabulary.read(whole / "model")
    assert Vocabulary.read(tmp_path / "run" / "model") == before


def test_rows_without_marks_and_kinds_are_learnt_from(tmp_path: Path) -> None:
    rows = [{"code": row["code"], "label": row["label"]} for row in flowing.programs(40)]
    response = Container().train_model().execute(flowing.request(tmp_path, rows=rows, max_steps=2))
    assert response.success, response.errors
    config = json.loads((tmp_path / "run" / "model" / "config.json").read_text())
    assert (config["marks"], config["kinds"]) == (["harmful"], [])
    (answer,) = PredictorSource().open(str(tmp_path / "run")).answer(["os.system(x)"])
    assert answer["cwe"] is None


def test_twins_stand_in_one_step_in_any_order_of_steps_and_no_row_is_lost() -> None:
    rng = np.random.default_rng(0)
    together = rng.permutation(np.repeat(np.arange(120), 2))
    feed = Feed(rng.integers(5, 9, 240), 8, seed=3, together=together)
    for epoch in (0, 1):
        steps = [feed.at(epoch * 30 + step, 8).all_rows for step in range(30)]
        assert sorted(np.concatenate(steps)) == list(range(240))
        assert all(sorted(np.bincount(together[step])[together[step]]) == [2] * 8 for step in steps)
    assert list(feed.at(3, 8).all_rows) != list(feed.at(33, 8).all_rows)


def test_rows_of_one_family_are_learnt_from_together_few_at_once(tmp_path: Path) -> None:
    groups = np.array([3, -1, 3, 7, 3, 3, 3, -1, 7])
    rows = FlowRows(SimpleNamespace(groups=groups), None, np.arange(9), 0)  # type: ignore[arg-type]  # asked for no text
    numbers = rows.together
    assert [len(set(numbers[groups == group])) for group in (3, 7, -1)] == [2, 1, 2]
    assert np.bincount(numbers).max() == MOST_TOGETHER


def test_windows_that_are_read_in_parts_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = ["os.system(a)\n" * number for number in (1, 40, 3, 12, 1)]
    model = flowing.reader()
    at_once = logits(model, *sources)
    monkeypatch.setattr(adapter, "TOKENS_AT_ONCE", 70)
    assert torch.allclose(logits(model, *sources), at_once, atol=1e-4)


def test_a_reader_refuses_rows_of_another_kind() -> None:
    with pytest.raises(ConfigurationError, match="learns from code with roles and links"):
        task_for(flowing.reader(), None, [{"input_ids": [1, 2], "labels": 0}])


def test_code_without_tokens_and_long_code_are_answered_in_their_order(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = PredictorSource().open(str(whole))
    asked = ["# nothing", "os.system(x)\n" * 200, "os.system(x)", "\n"]
    together = model.answer(asked)
    monkeypatch.setattr(answering, "WINDOWS_AT_ONCE", 2)
    for one, other in zip(together, model.answer(asked), strict=True):
        assert one["scores"] == pytest.approx(other["scores"], abs=1e-5)


def test_the_public_face_opens_it(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "asked.jsonl").write_text(json.dumps({"code": "def f(a):\n    return os.system(a)"}))
    (answer,) = athanor.predict(str(whole), str(tmp_path / "asked.jsonl"))
    assert {"label", "scores", "cwe", "lines"} <= set(answer)


@pytest.mark.parametrize("task", ["text_classification", "masked_language_modeling"])
def test_another_task_does_not_go_on_with_a_reader(whole: Path, tmp_path: Path, task: str) -> None:
    rows = str(whole.parent / "programs.jsonl")
    there, run = str(whole / "model"), str(tmp_path / "run")
    asked = TrainModelRequest(task=task, dataset_path=rows, model_name=there, output_dir=run)
    response = Container().train_model().execute(asked)
    assert not response.success
    assert "reads source code by its names and lines" in response.errors[0]
