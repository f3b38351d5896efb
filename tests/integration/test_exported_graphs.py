"""The graphs of every kind of model give in ONNX Runtime what the model gives, also with what they keep of tokens."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from domain.exceptions import ModelError
from infrastructure.exporting.documents import DocumentsApart
from infrastructure.exporting.graph import Side
from infrastructure.exporting.onnx_graphs import in_onnx_runtime, write_graph
from infrastructure.exporting.programs import in_program, write_program
from infrastructure.exporting.texts import equal_texts, written
from infrastructure.exporting.writing import Writing, decoder, encoder_decoder, names_of
from tests.support import tiny
from tests.support.tiny_architectures import model_of
from tests.support.tiny_series import rough

ONE_LAYER: Mapping[str, Mapping[str, Any]] = {
    "gpt2": {"n_layer": 1},
    "bart": {"encoder_layers": 1, "decoder_layers": 1},
}
Exported = tuple[Writing, Mapping[str, Side], Mapping[str, Side]]


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Exported]:
    """Give the graphs of an architecture, who computes them in torch, and in ONNX Runtime; each is made once."""
    made: dict[str, Exported] = {}

    def of(name: str) -> Exported:
        if name not in made:
            model = model_of(name, **ONE_LAYER[name]).eval()
            rough(model, 1.0)  # with fresh weights all texts are alike
            shape = (encoder_decoder if model.config.is_encoder_decoder else decoder)(model, tiny.tokenizer())
            place = tmp_path_factory.mktemp(name)
            for graph in shape.graphs:
                write_graph(graph, place / f"{graph.name}.onnx")
            in_torch = {graph.name: graph.in_torch() for graph in shape.graphs}
            made[name] = shape, in_torch, {name: in_onnx_runtime(place / f"{name}.onnx", 1) for name in in_torch}
        return made[name]

    return of


@pytest.mark.parametrize("name", ONE_LAYER)
def test_texts_that_are_written_with_a_cache_are_those_computed_anew(
    writer: Callable[[str], Exported], name: str
) -> None:
    shape, in_torch, in_onnx = writer(name)
    prompts = [torch.arange(3, 3 + length) for length in (1, 2, 9)]
    assert equal_texts(shape, in_torch, in_onnx, prompts) == (3, 3)
    assert len({tuple(written(shape, in_onnx, prompt, True)) for prompt in prompts}) > 1  # they depend on the prompt


def test_a_program_of_torch_writes_on_from_a_single_token(writer: Callable[[str], Exported], tmp_path: Path) -> None:
    shape, in_torch, _ = writer("gpt2")
    (graph,) = shape.graphs
    write_program(graph, tmp_path / "decoder.pt2")
    in_program_of_torch = {graph.name: in_program(graph, tmp_path / "decoder.pt2")}
    prompts = [torch.arange(3, 3 + length) for length in (1, 2, 9)]
    assert equal_texts(shape, in_torch, in_program_of_torch, prompts) == (3, 3)


@pytest.mark.parametrize("name", ["gpt2"])
@pytest.mark.parametrize(("rows", "past", "new"), [(1, 0, 1), (1, 0, 5), (2, 4, 1), (3, 2, 4), (1, 20, 13)])
def test_a_decoder_goes_on_from_any_length_with_padding_on_the_left(
    writer: Callable[[str], Exported], name: str, rows: int, past: int, new: int
) -> None:
    shape, in_torch, in_onnx = writer(name)
    draw = torch.Generator().manual_seed(past)
    mask = torch.ones(rows, past + new, dtype=torch.long)
    mask[-1, : past // 2] = 0
    inputs = {
        "input_ids": torch.randint(0, 60, (rows, new), generator=draw),
        "attention_mask": mask,
        "position_ids": (mask.cumsum(-1) - 1).clamp(min=0)[:, past:],
        **{
            each: shape.heads.empty(rows, past).normal_(generator=draw)
            for each in names_of(shape.heads, "past_key_values")
        },
    }
    ours, theirs = (side["decoder"](inputs) for side in (in_torch, in_onnx))
    assert ours.keys() == theirs.keys() == {"logits", *names_of(shape.heads, "present")}
    for each in ours:
        np.testing.assert_allclose(theirs[each].numpy(), ours[each].numpy(), rtol=1e-3, atol=1e-3)
    assert theirs["present.0.key"].shape == (rows, shape.heads.heads, past + new, shape.heads.size)


@pytest.mark.parametrize("name", ["bart"])
def test_an_encoder_reads_once_and_its_padding_is_not_seen(writer: Callable[[str], Exported], name: str) -> None:
    shape, _, in_onnx = writer(name)
    ids = torch.tensor([[5, 6, 7, 8, 9]])
    padded = {
        "input_ids": torch.tensor([[5, 6, 7, 8, 9, 0, 0]]),
        "attention_mask": torch.tensor([[1, 1, 1, 1, 1, 0, 0]]),
    }
    standing = shape.together(in_onnx)
    begins = torch.tensor([[1, 4]])
    alone = standing(input_ids=ids, attention_mask=torch.ones_like(ids), decoder_input_ids=begins)["logits"]
    beside = standing(**padded, decoder_input_ids=begins)["logits"]
    np.testing.assert_allclose(alone.numpy(), beside.numpy(), rtol=1e-3, atol=1e-3)


class Blocks:
    """Two blocks of a stream in which 1 begins a document; the last token of a block begins the next."""

    IDS = ([1, 5, 6, 1, 7], [7, 8, 1, 9, 2])

    def __len__(self) -> int:
        return len(self.IDS)

    def __getitem__(self, block: int) -> dict[str, Any]:
        return {"input_ids": torch.tensor(self.IDS[block])}

    def row_id(self, block: int) -> str:
        return f"block {block}"


def test_documents_of_a_block_are_rows_of_their_own_with_the_same_targets() -> None:
    rows = DocumentsApart(Blocks(), 1)
    found = [rows[row]["input_ids"].tolist() for row in range(len(rows))]
    assert found == [[1, 5, 6, 1], [1, 7], [7, 8, 1], [1, 9, 2]]
    assert [target for row in found for target in row[1:]] == [t for ids in Blocks.IDS for t in ids[1:]]
    assert rows.row_id(3) == "block 1"
    assert rows.lengths.tolist() == [4, 2, 3, 3]


def test_a_model_that_keeps_other_things_than_keys_and_values_is_refused() -> None:
    mamba = AutoModelForCausalLM.from_config(
        AutoConfig.for_model("mamba", vocab_size=8, hidden_size=8, num_hidden_layers=1)
    )
    with pytest.raises(ModelError, match=r"^MambaForCausalLM keeps other things .* Take its model directory as it is"):
        decoder(mamba, tiny.tokenizer())
