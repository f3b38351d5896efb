"""Text becomes a stream whose every token is a target once; pairs become rows whose target alone is learnt."""

import ast
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from domain.exceptions import DatasetError
from infrastructure.data.pairs.datasets import JoinedPairs, SourceTargetPairs
from infrastructure.data.pairs.rows import PairRows, load_pairs, split_pairs
from infrastructure.data.sources.fields import sought
from infrastructure.data.text import standard_library
from infrastructure.data.text.blocks import TokenBlocks, token_blocks
from infrastructure.data.text.documents import load_documents
from infrastructure.data.text.parts import DocumentPart, split_documents, whole_documents
from infrastructure.data.text.standard_library import load_standard_library, load_standard_library_pairs
from infrastructure.models.tokenizer import train_bpe, train_characters
from tests.support import forked

TEXTS = ["one two <|start|>", "three\n\nfour é😀", "x" * 30, "end <|end|> "]


def part_of(path: Path, texts: list[str]) -> DocumentPart:
    path.write_text(json.dumps([{"text": text} for text in texts]), encoding="utf-8")
    return whole_documents(load_documents(path))


@pytest.fixture(scope="module")
def characters() -> PreTrainedTokenizerFast:
    return train_characters(TEXTS, document_start=True)


@pytest.fixture(scope="module")
def bpe() -> PreTrainedTokenizerFast:
    return train_bpe(TEXTS * 3, None, 0, document_start=True, end=False)


class TestBlocks:
    @pytest.mark.parametrize("length", [1, 2, 7, 8, 40])
    def test_every_token_but_the_first_is_a_target_once_in_order(
        self, tmp_path: Path, characters: PreTrainedTokenizerFast, length: int
    ) -> None:
        blocks = token_blocks(part_of(tmp_path / "x.json", TEXTS), characters, length)
        stream = wanted_stream(characters, TEXTS)
        inputs = [
            int(token) for block in map(blocks.__getitem__, range(len(blocks))) for token in block["input_ids"][:-1]
        ]
        targets = [int(token) for block in map(blocks.__getitem__, range(len(blocks))) for token in block["labels"][1:]]
        assert inputs == stream[:-1]
        assert targets == stream[1:]
        assert blocks.num_targets == len(targets)
        assert blocks.lengths.tolist() == [len(blocks[number]["input_ids"]) for number in range(len(blocks))]
        assert set(blocks.lengths[:-1].tolist()) <= {length + 1}
        assert 2 <= blocks.lengths[-1] <= length + 1

    def test_a_document_among_several_begins_with_the_sign_and_a_text_cannot_write_it(
        self, tmp_path: Path, bpe: PreTrainedTokenizerFast
    ) -> None:
        blocks = token_blocks(part_of(tmp_path / "x.json", TEXTS), bpe, 16)
        assert blocks.tokens(0, blocks.num_tokens).tolist() == wanted_stream(bpe, TEXTS)
        assert (blocks.tokens(0, blocks.num_tokens) == bpe.bos_token_id).sum() == len(TEXTS)

    def test_a_single_document_has_no_sign_and_its_parts_join_to_the_whole(
        self, tmp_path: Path, characters: PreTrainedTokenizerFast
    ) -> None:
        path = tmp_path / "x.txt"
        path.write_text("".join(TEXTS))
        documents = load_documents(path)
        parts = [token_blocks(part, characters, 4) for part in split_documents(documents, 0.3, seed=0)]
        both = np.concatenate([blocks.tokens(0, blocks.num_tokens) for blocks in parts])
        assert both.tolist() == characters("".join(TEXTS), add_special_tokens=False)["input_ids"]

    def test_counts_are_those_of_the_text(self, tmp_path: Path, characters: PreTrainedTokenizerFast) -> None:
        blocks = token_blocks(part_of(tmp_path / "x.json", ["oneñ", "twoññ", "é"]), characters, 4)
        assert dict(blocks.statistics) == {
            "num_rows": 3, "num_tokens": 13, "num_bytes": 5 + 7 + 2, "num_documents": 3, "num_unknown": 3,
        }  # fmt: skip
        assert blocks.row_id(1) == "x.json:tokens 4-8"

    def test_wide_vocabularies_keep_their_ids(self, tmp_path: Path, characters: PreTrainedTokenizerFast) -> None:
        part = part_of(tmp_path / "x.json", TEXTS)
        narrow = token_blocks(part, characters, 8)
        wide = train_characters(TEXTS, document_start=True)
        wide.add_tokens([f"¬{number}" for number in range(1 << 16)])
        blocks = token_blocks(part, wide, 8)
        assert blocks.tokens(0, 9).itemsize == 2 * narrow.tokens(0, 9).itemsize
        assert all(torch.equal(blocks[i]["input_ids"], narrow[i]["input_ids"]) for i in range(len(narrow)))

    def test_text_shorter_than_a_block_is_refused(self, tmp_path: Path, characters: PreTrainedTokenizerFast) -> None:
        path = tmp_path / "x.txt"
        path.write_text("one two")
        part = whole_documents(load_documents(path))
        assert len(token_blocks(part, characters, 6)) == 1
        with pytest.raises(DatasetError, match=r"x\.txt has 7 tokens, fewer than one block of max_length 7"):
            token_blocks(part, characters, 7)

    def test_another_text_tokenizer_or_length_is_another_fingerprint(
        self, tmp_path: Path, characters: PreTrainedTokenizerFast, bpe: PreTrainedTokenizerFast
    ) -> None:
        part, other = part_of(tmp_path / "x.json", TEXTS), part_of(tmp_path / "y.json", TEXTS[1:])
        made: list[TokenBlocks] = [
            token_blocks(part, characters, 4), token_blocks(part, characters, 5), token_blocks(part, bpe, 4),
            token_blocks(other, characters, 4),
        ]  # fmt: skip
        assert len({blocks.fingerprint for blocks in made}) == 4
        assert token_blocks(part, characters, 4).fingerprint == made[0].fingerprint


def wanted_stream(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> list[int]:
    stream: list[int] = []
    for text in texts:
        stream += [tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"]]
    return stream


PAIRS = [("ab", "xyz"), ("abcdefghij", "uvw"), ("c", "u" * 20), ("abcdefghij", "v" * 20), ("d", "wxyzwx")]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> PairRows:
    path = tmp_path_factory.mktemp("pairs") / "pairs.jsonl"
    path.write_text("".join(json.dumps({"source": s, "target": t}) + "\n" for s, t in PAIRS))
    return load_pairs(path, sought("source", ("source",)), sought("target", ("target",)))


@pytest.fixture(scope="module")
def letters() -> PreTrainedTokenizerFast:
    return train_characters([s + t for s, t in PAIRS], document_start=False)


class TestJoinedPairs:
    def shown(self, dataset: JoinedPairs, tokenizer: PreTrainedTokenizerFast, index: int) -> tuple[str, str]:
        item = dataset[index]
        learnt = item["labels"] != -100
        assert torch.equal(item["labels"][learnt], item["input_ids"][learnt])
        assert dataset.prompt(index) == item["input_ids"][~learnt].tolist()
        assert dataset.lengths[index] == len(item["input_ids"]) == len(item["labels"])
        return str(tokenizer.decode(item["input_ids"])), str(tokenizer.decode(item["input_ids"][learnt]))

    def test_the_target_and_its_end_alone_are_learnt_and_cuts_spare_the_heads(
        self, pairs: PairRows, letters: PreTrainedTokenizerFast
    ) -> None:
        dataset = JoinedPairs(pairs, np.arange(5), letters, max_length=10)
        assert [self.shown(dataset, letters, index) for index in range(5)] == [
            ("<|start|>ab<|code|>xyz<|end|>", "xyz<|end|>"),
            ("<|start|>abc<|code|>uvw<|end|>", "uvw<|end|>"),
            ("<|start|>c<|code|>" + "u" * 7, "u" * 7),
            ("<|start|>abc<|code|>" + "v" * 5, "v" * 5),
            ("<|start|>d<|code|>wxyzwx<|end|>", "wxyzwx<|end|>"),
        ]
        assert dataset.was_cut.tolist() == [False, True, True, True, False]
        assert dataset.statistics["num_cut"] == 3

    def test_a_target_that_loses_only_its_end_counts_as_cut(
        self, pairs: PairRows, letters: PreTrainedTokenizerFast
    ) -> None:
        dataset = JoinedPairs(pairs, np.array([4]), letters, max_length=9)
        assert self.shown(dataset, letters, 0) == ("<|start|>d<|code|>wxyzwx", "wxyzwx")
        assert dataset.num_cut == 1

    def test_rows_follow_their_indices(self, pairs: PairRows, letters: PreTrainedTokenizerFast) -> None:
        dataset = JoinedPairs(pairs, np.array([3, 0]), letters, max_length=64)
        assert (dataset.source(1), dataset.reference(1), dataset.row_id(0)) == ("ab", "xyz", "pairs.jsonl:4")
        assert dataset.fingerprint != JoinedPairs(pairs, np.array([0, 3]), letters, max_length=64).fingerprint

    def test_without_a_separator_or_beginning_a_line_end_separates(self, pairs: PairRows) -> None:
        tokenizer = train_characters(["\n", *(s + t for s, t in PAIRS)], document_start=False)
        tokenizer.sep_token = tokenizer.bos_token = None
        dataset = JoinedPairs(pairs, np.arange(5), tokenizer, max_length=40)
        assert self.shown(dataset, tokenizer, 0) == ("ab\nxyz<|end|>", "xyz<|end|>")


def test_source_and_target_side_by_side_keep_their_ends_when_cut(pairs: PairRows) -> None:
    tokenizer = train_characters([s + t for s, t in PAIRS], document_start=False, end=True)
    dataset = SourceTargetPairs(pairs, np.array([3, 0]), tokenizer, max_length=6)
    shown = [[tokenizer.decode(dataset[i][name]) for name in ("input_ids", "labels")] for i in range(2)]
    assert shown == [["abcde<|end|>", "vvvvv<|end|>"], ["ab<|end|>", "xyz<|end|>"]]
    assert dataset.lengths.tolist() == [12, 7]
    assert dataset.was_cut.tolist() == [True, False]
    assert (dataset.source(0), dataset.reference(0)) == PAIRS[3]


@pytest.fixture(scope="module")
def each_eighth_module() -> list[Path]:
    return standard_library.standard_library_files()[::8]


@pytest.fixture(scope="module")
def eighth(each_eighth_module: list[Path]) -> Callable[[str], PairRows]:
    """Give the pairs of a task from an eighth of the library, whose functions can all be looked at."""

    @cache
    def of(task: str) -> PairRows:
        with patch.object(standard_library, "standard_library_files", lambda: each_eighth_module):
            return load_standard_library_pairs(task)

    return of


class TestStandardLibrary:
    @pytest.mark.parametrize("task", ["code_generation", "sequence_to_sequence"])
    def test_every_function_parses_alone_and_tells_nothing_of_its_docstring(
        self, eighth: Callable[[str], PairRows], task: str
    ) -> None:
        rows = eighth(task)
        assert len(rows) > 500
        codes, told = (rows.targets, rows.sources) if task == "code_generation" else (rows.sources, rows.targets)
        for number in range(len(rows)):
            (function,) = ast.parse(codes[number]).body
            assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
            assert function.body
            assert len(codes[number]) <= 1_500
            assert 10 <= len(told[number]) <= 300
            assert "\n" not in told[number]

    def test_names_of_rows_lead_to_the_function(self, eighth: Callable[[str], PairRows]) -> None:
        rows = eighth("code_generation")
        root = standard_library._root()
        for number in range(0, len(rows), 100):
            name, _, line = rows.name_of(number).rpartition(":")
            assert (root / name).read_text().split("\n")[int(line) - 1].strip() == rows.targets[number].split("\n")[0]

    def test_a_split_of_the_pairs_shares_no_source(self, eighth: Callable[[str], PairRows]) -> None:
        rows = eighth("sequence_to_sequence")
        train, evaluation, _ = split_pairs(rows, 0.1, seed=42)
        assert not set(rows.keys[train].tolist()) & set(rows.keys[evaluation].tolist())
        assert abs(len(evaluation) / len(rows) - 0.1) < 0.01

    def test_its_text_is_that_of_its_modules_without_tests_and_packages(self) -> None:
        documents = load_standard_library()
        files = standard_library.standard_library_files()
        names = {part for file in files for part in file.relative_to(documents.path).parts}
        assert not names & {"site-packages", "test", "tests", "idle_test", "__pycache__"}
        assert {"ast.py", "json", "asyncio"} <= names
        assert documents.num_bytes > 3e6
        text = "".join(whole_documents(documents).pieces)
        assert Path(ast.__file__).read_text(encoding="utf-8") in text

    def test_an_interpreter_without_sources_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sysconfig.get_paths", lambda: {"stdlib": str(tmp_path / "python311.zip")})
        with pytest.raises(DatasetError, match="ships without the sources of its standard library"):
            load_standard_library()


DOCSTRINGS = '''
class Shelf:
    @property
    def height(self):
        """Give the height of a shelf.

        More words.
        """

        # in centimetres
        return 3
    def sign(self):
        """Give a text whose lines have no indent."""
        return """
tall
"""

    async def move(self,
                   to): # where
        "Move the shelf away."
        def inner():
            """Is part of another function."""
            return 1
        return to
    def one(self): "Stand on one line."; return 1
    def empty(self):
        """Say that nothing follows here."""
    def two(self):
        """Share a line with the code."""; x = 1
        return x
'''


def test_a_docstring_is_cut_out_and_nothing_else_changes() -> None:
    made = {}
    for function, lines in standard_library._functions(DOCSTRINGS):
        made[function.name] = standard_library._without_docstring(function, lines)
    assert made == {
        "height": "def height(self):\n    # in centimetres\n    return 3\n",
        "sign": None,
        "move": "async def move(self,\n               to): # where\n    def inner():\n"
        '        """Is part of another function."""\n        return 1\n    return to\n',
        "one": None,
        "empty": None,
        "two": None,
    }


def growth_of_memory(warming: str, measured: str) -> int:
    """Read two files as a training does; gives by how much the second needs more memory than the first, in bytes."""
    warm = split_documents(load_documents(Path(warming)), 0.1, 0)[0]
    tokenizer = train_characters(warm.pieces, document_start=False)
    token_blocks(warm, tokenizer, 256)
    before = _peak_bytes()
    for part in split_documents(load_documents(Path(measured)), 0.1, 0):
        train_characters(part.pieces, document_start=False)
        blocks = token_blocks(part, tokenizer, 256)
        for number in range(0, len(blocks), 5):
            assert int(blocks[number]["labels"][0])
    return _peak_bytes() - before


def _peak_bytes() -> int:
    (told,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return 1024 * int(told)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_resident_memory_does_not_grow_with_a_text_file(tmp_path: Path) -> None:
    line = "记忆不必随文件一起增长这是一个事实。\n"  # three bytes a character: less to count in as large a file
    small, large = tmp_path / "small.txt", tmp_path / "large.txt"
    small.write_text(line * 20_000, encoding="utf-8")
    with large.open("w", encoding="utf-8") as file:
        file.writelines(line * 1_000 for _ in range(600))
    given = {"warming": str(small), "measured": str(large)}
    process = forked.start_function(growth_of_memory, given, tmp_path / "answers")
    assert process.wait() == 0, process.stderr
    # What the allocator and mapped pages add is 10 to 22 MB, whatever the size of the file.
    assert process.result < 0.75 * large.stat().st_size
