"""Chats as items: cut between exchanges, every answer learnt once, kept with what is learnt, told apart by content."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.exceptions import DatasetError
from infrastructure.data.chats.chat_format import ChatFormat
from infrastructure.data.chats.dataset import ChatDataset
from infrastructure.data.chats.forms import chat_sought
from infrastructure.data.chats.rows import load_chats
from tests.support.chat_families import FAMILIES, TOKENIZERS, tokenizer_of

Said = Sequence[tuple[str, str]]


def dataset_of(directory: Path, chats: Sequence[Said], max_length: int, tokenizer: Any = None) -> ChatDataset:
    """Write chats and make them ready for a model."""
    rows = [{"messages": [{"role": role, "content": content} for role, content in chat]} for chat in chats]
    path = directory / "chats.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    found = load_chats(path, chat_sought((), ()))
    chats_written = ChatFormat(tokenizer or tokenizer_of("chatml", "bytes"), "it")
    return ChatDataset(found, np.arange(len(found)), chats_written, max_length)


def exchanges(count: int) -> list[tuple[str, str]]:
    return [turn for n in range(count) for turn in (("user", f"what is {n}?"), ("assistant", f"it is {n}"))]


def learnt_text(dataset: ChatDataset, index: int) -> str:
    tokenizer = tokenizer_of("chatml", "bytes")
    item = dataset[index]
    assert bool(((item["labels"] == item["input_ids"]) | (item["labels"] == -100)).all())
    text: str = tokenizer.decode(item["labels"][item["labels"] != -100].tolist())
    return text


def whole_text(dataset: ChatDataset, index: int) -> str:
    text: str = tokenizer_of("chatml", "bytes").decode(dataset[index]["input_ids"].tolist())
    return text


class TestLongChats:
    def test_a_chat_of_forty_turns_is_cut_between_exchanges_and_each_answer_is_learnt_once(
        self, tmp_path: Path
    ) -> None:
        dataset = dataset_of(tmp_path, [[("system", "you are short"), *exchanges(20)]], 96)
        assert len(dataset) > 3
        assert int(dataset.lengths.max()) <= 96
        assert not dataset.num_cut
        learnt = "".join(learnt_text(dataset, index) for index in range(len(dataset)))
        assert learnt == "".join(f"it is {n}<|im_end|>" for n in range(20))
        for index in range(len(dataset)):
            text = whole_text(dataset, index)
            assert text.startswith("<|im_start|>system\nyou are short<|im_end|>\n<|im_start|>user\n")
            assert text.endswith("<|im_end|>\n")
            assert text.count("<|im_start|>user") == text.count("<|im_start|>assistant")
        (told,) = dataset.told()
        assert "1 of 1 chats of chats.jsonl is longer than max_length 96 and was divided" in told
        assert f"into {len(dataset)} pieces" in told

    def test_a_piece_holds_as_many_exchanges_as_fit(self, tmp_path: Path) -> None:
        alone = dataset_of(tmp_path, [exchanges(1)], 512).lengths[0]
        dataset = dataset_of(tmp_path, [exchanges(9)], int(3.5 * alone))
        # The first has the system turn of the template, too, as have all of them.
        counts = [whole_text(dataset, index).count("<|im_start|>assistant") for index in range(len(dataset))]
        assert sum(counts) == 9
        assert set(counts[:-1]) <= {max(counts), max(counts) - 1}
        assert max(counts) >= 3

    def test_a_chat_that_just_fits_is_whole(self, tmp_path: Path) -> None:
        chat = exchanges(5)
        length = int(dataset_of(tmp_path, [chat], 4096).lengths[0])
        assert len(dataset_of(tmp_path, [chat], length)) == 1
        assert len(dataset_of(tmp_path, [chat], length - 1)) == 2

    def test_an_exchange_that_is_longer_by_itself_loses_its_end_and_is_counted(self, tmp_path: Path) -> None:
        chats = [[("user", "why"), ("assistant", "because " * 50)], exchanges(1)]
        dataset = dataset_of(tmp_path, chats, 48)
        assert dataset.was_cut.tolist() == [True, False]
        assert learnt_text(dataset, 0).startswith("because because")
        assert "<|im_end|>" not in learnt_text(dataset, 0)
        assert dataset.told() == ("1 exchange of chats.jsonl longer than max_length 48 lost its end.",)

    def test_a_question_without_room_for_an_answer_is_left_out_and_counted(self, tmp_path: Path) -> None:
        chats = [[("user", "why " * 50), ("assistant", "yes")], exchanges(1)]
        dataset = dataset_of(tmp_path, chats, 48)
        assert len(dataset) == 1
        assert "1 exchange of chats.jsonl without an answer that begins within max_length 48" in dataset.told()[-1]

    def test_a_file_without_an_answer_in_reach_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match="no answer begins within max_length 16"):
            dataset_of(tmp_path, [[("user", "why " * 50), ("assistant", "yes")]], 16)

    def test_a_chat_of_thousands_of_turns_takes_seconds(self, tmp_path: Path) -> None:
        dataset = dataset_of(tmp_path, [exchanges(1500)], 512)
        assert sum(whole_text(dataset, i).count("<|im_start|>assistant") for i in range(len(dataset))) == 1500


def test_chats_that_the_template_refuses_are_told_together_with_their_lines(tmp_path: Path) -> None:
    good = [("user", "why"), ("assistant", "yes")]
    with pytest.raises(DatasetError) as caught:
        dataset_of(
            tmp_path,
            [good, [("system", "x"), *good], good, [("system", "y"), *good]],
            64,
            tokenizer_of("gemma", "bytes"),
        )
    first, second = caught.value.messages
    assert first.startswith("chats.jsonl:2: the chat template says: System role not supported: Correct the chat")
    assert second.startswith("chats.jsonl:4: ")


def test_turns_that_the_template_leaves_out_are_told(tmp_path: Path) -> None:
    tokenizer = TOKENIZERS["bytes"](FAMILIES["chatml"])
    tokenizer.chat_template = FAMILIES["chatml"].template.replace("in messages", "in messages if m.role != 'system'")
    tokenizer.chat_template = tokenizer.chat_template.replace("if m.role", "if message.role")
    with_system = dataset_of(tmp_path, [[("system", "be short"), *exchanges(1)]], 64, tokenizer)
    assert with_system.told() == ("the chat template leaves out what the system says, which chats.jsonl has.",)
    assert dataset_of(tmp_path, [exchanges(1)], 64, tokenizer).told() == ()


def test_another_template_is_another_data_set(tmp_path: Path) -> None:
    one = dataset_of(tmp_path, [exchanges(2)], 64)
    tokenizer = TOKENIZERS["bytes"](FAMILIES["chatml"])
    tokenizer.chat_template = FAMILIES["chatml"].template
    assert dataset_of(tmp_path, [exchanges(2)], 64, tokenizer).fingerprint == one.fingerprint
    tokenizer.chat_template = FAMILIES["chatml"].template.replace("you are helpful", "you are short")
    assert dataset_of(tmp_path, [exchanges(2)], 64, tokenizer).fingerprint != one.fingerprint


def test_a_prompt_is_what_stands_before_the_last_answer(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path, [exchanges(2)], 128)
    text = tokenizer_of("chatml", "bytes").decode(dataset.prompt(0))
    assert text.endswith("what is 1?<|im_end|>\n<|im_start|>assistant\n")
    assert dataset.reference(0) == "it is 1"
    assert dataset.row_id(0) == "chats.jsonl:1 turn 4"
