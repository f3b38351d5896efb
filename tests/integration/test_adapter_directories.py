"""What a run keeps of an adapter opens in plain transformers and in plain peft, and answers alike."""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.support.adapted import asked, base_of, built, learnt, logits_of, task_of

ARCHITECTURES = (
    "bert", "roberta", "distilbert", "modernbert", "gpt2", "llama", "qwen2", "gemma2", "bart", "t5", "t5gemma",
)  # fmt: skip
# No module of ours is imported there.
OPEN_PLAINLY = """
import json, sys, warnings
import torch
from peft import PeftModel
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoModelForSequenceClassification

AUTO = {
    "text_classification": AutoModelForSequenceClassification,
    "code_generation": AutoModelForCausalLM,
    "sequence_to_sequence": AutoModelForSeq2SeqLM,
}
ids = torch.arange(5, 29).reshape(3, 8)
found = {}
for case in json.loads(sys.argv[1]):
    kind = AUTO[case["task"]]
    with torch.no_grad():
        if case["form"] == "merged":
            model, told = kind.from_pretrained(case["directory"], output_loading_info=True)
            assert not told["missing_keys"] and not told["unexpected_keys"], told
        else:
            labels = {"num_labels": 2} if case["task"] == "text_classification" else {}
            base = kind.from_pretrained(case["base"], ignore_mismatched_sizes=True, **labels)
            model = PeftModel.from_pretrained(base, case["directory"])
        more = {"decoder_input_ids": ids} if case["task"] == "sequence_to_sequence" else {}
        found[case["directory"]] = model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids), **more).logits
save_file({name: one.contiguous() for name, one in found.items()}, sys.argv[2])
assert not [name for name in sys.modules if name.split(".")[0] in ("infrastructure", "application", "domain")]
"""


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Keep an adapter of each architecture both ways, with the scores that it had in the run."""
    made = []
    for number, name in enumerate(ARCHITECTURES):
        home = tmp_path_factory.mktemp(name)
        base = base_of(name, home / "base")
        for merged in (True, False):
            way = "dora" if (number + merged) % 2 else "lora"
            bundle = built(asked(base, name, home, merge_adapter=merged, adapter=way))
            learnt(bundle.model)
            form = "merged" if merged else "alone"
            bundle.save(home / form, {})
            save_file({"logits": logits_of(bundle.model).contiguous()}, home / f"{form}.safetensors")
            made.append(
                {"name": name, "form": form, "task": task_of(name), "base": str(base), "directory": str(home / form)}
            )
    return made


@pytest.fixture(scope="module")
def opened(cases: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, torch.Tensor]:
    """Ask all of them in a process that knows nothing of us."""
    answers = tmp_path_factory.mktemp("plain") / "answers.safetensors"
    words = [sys.executable, "-W", "ignore", "-c", OPEN_PLAINLY, json.dumps(cases), str(answers)]
    done = subprocess.run(words, capture_output=True, text=True, cwd="/", env={"HF_HUB_OFFLINE": "1", "PATH": ""})
    assert done.returncode == 0, done.stderr[-3000:]
    return load_file(answers)


@pytest.mark.parametrize("form", ["merged", "alone"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_it_answers_in_plain_libraries_as_in_the_run(
    cases: list[dict[str, Any]], opened: Mapping[str, torch.Tensor], name: str, form: str
) -> None:
    (directory,) = (case["directory"] for case in cases if (case["name"], case["form"]) == (name, form))
    expected = load_file(f"{directory}.safetensors")["logits"]
    torch.testing.assert_close(opened[directory], expected, rtol=1e-5, atol=1e-5)
