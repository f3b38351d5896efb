"""What is pushed is the model and nothing else; what cannot be pushed is told in a sentence, and nothing is sent."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from domain.exceptions import AthanorError, ConfigurationError, HubError, ModelError, RunError
from domain.run_layout import CARD, README
from domain.sharing import PushedModel
from infrastructure.model_files.card import read_card
from tests.support.command_line import athanor
from tests.support.fake_hub import FakeHub, fake_hub
from tests.support.finished_models import edit, finished

NAME = "me/moods"
ROOT = Path(__file__).resolve().parents[2]


def push(*given: Any, **options: Any) -> PushedModel:
    import athanor as library

    return library.push(*given, **options)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = finished("text_classification", tmp_path_factory.mktemp("saved"))
    data = {"path": "/home/me/secret/rows.json", "sha256": "ab", "eval_path": "hub:o/n@v1:default/test"}
    edit(model / CARD, lambda card: {**card, "data": data, "model_name": "/home/me/secret/before/model"})
    (model / README).write_text("---\nlibrary_name: transformers\n---\n# moods\n\nOpen OWNER/NAME.\n")
    return model


@pytest.fixture
def run(saved: Path, tmp_path: Path) -> Path:
    """Give a finished run whose directory holds more than its model."""
    run = tmp_path / "runs" / "moods"
    (run / "model").mkdir(parents=True)
    for file in saved.iterdir():
        (run / "model" / file.name).write_bytes(file.read_bytes())
    (run / "run.yaml").write_text("task: text_classification\ndataset_path: /home/me/secret/rows.json\n")
    (run / "summary.json").write_text('{"success": true}')
    (run / "log.jsonl").write_text("{}")
    (run / "model" / "rows.csv").write_text("put here by hand")
    return run


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with fake_hub() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.address)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield hub


def said(kind: type[AthanorError], *given: Any, **options: Any) -> str:
    with pytest.raises(kind) as caught:
        push(*given, **options)
    return str(caught.value)


def test_the_files_of_the_model_arrive_and_nothing_else(run: Path, hub: FakeHub) -> None:
    pushed = push(run, NAME)
    files = hub.files(NAME)
    model = run / "model"
    assert files.keys() == {*read_card(model)["files"], CARD, README} == pushed.files.keys()
    for name in read_card(model)["files"]:
        assert files[name] == (model / name).read_bytes()
    assert pushed.files == {name: len(content) for name, content in files.items()}
    assert pushed.address == f"{hub.address}/me/moods/commit/1"
    assert hub.tokens == {"Bearer hf_secret"}


def test_no_place_of_this_machine_goes_and_the_readme_has_the_name(run: Path, hub: FakeHub) -> None:
    push(run, NAME)
    files = hub.files(NAME)
    assert not [name for name, content in files.items() if b"secret" in content]
    assert json.loads(files[CARD])["data"]["path"] == "rows.json"
    assert json.loads(files[CARD])["model_name"] == "before/model"
    assert json.loads(files[CARD])["data"]["eval_path"] == "hub:o/n@v1:default/test"
    assert b"Open me/moods." in files[README]
    assert "secret" in (run / "model" / CARD).read_text()  # what stands here stays as it is


def test_no_place_goes_with_an_export_either(run: Path, hub: FakeHub) -> None:
    model = run / "model"
    made = {"source": "/home/me/secret/run", "output_dir": "/home/me/secret/run-ünï", "format": "onnx"}
    command = "athanor export /home/me/secret/run --format onnx"
    (model / "export.json").write_text(json.dumps({**made, "command": command}))
    (model / README).write_text(f"Made of `{made['source']}` in {made['output_dir']}:\n{command}\n")
    push(run, NAME)
    files = hub.files(NAME)
    assert not [name for name, content in files.items() if b"secret" in content]
    assert files[README].decode() == "Made of `run` in run-ünï:\nathanor export run --format onnx\n"
    assert json.loads(files["export.json"])["output_dir"] == "run-ünï"


def test_a_second_push_replaces_and_takes_away_what_would_be_opened(run: Path, hub: FakeHub) -> None:
    push(run, NAME, message="first")
    hub.files(NAME).update({"model-00001-of-2.safetensors": b"", "adapter_config.json": b"", ".gitattributes": b""})
    (run / "model" / README).write_text("written on\n")
    push(run, NAME, message="second")
    assert hub.files(NAME)[README] == b"written on\n"
    assert not {"model-00001-of-2.safetensors", "adapter_config.json"} & hub.files(NAME).keys()
    assert ".gitattributes" in hub.files(NAME)
    assert hub.messages == ["first", "second"]


def test_a_branch_is_made_and_written_to(run: Path, hub: FakeHub) -> None:
    push(run, NAME, revision="try")
    assert hub.files(NAME) == {}
    assert CARD in hub.files(NAME, "try")
    assert hub.messages == ["text_classification, trained by Athanor 0.1.0"]


def test_a_private_one_is_private_and_nothing_goes_where_everybody_looks(run: Path, hub: FakeHub) -> None:
    push(run, NAME, private=True)
    assert hub.private == {NAME: True}
    hub.models["me/open"], hub.private["me/open"] = {"main": {}}, False
    assert "everybody sees it: nothing was sent" in said(HubError, run, "me/open", private=True)
    assert hub.files("me/open") == {}


def test_a_dry_run_lists_what_would_go_and_asks_nobody(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    answer = athanor("push", run, NAME, "--dry-run")
    assert answer.exit_code == 0
    lines = answer.stdout.splitlines()
    assert [line.split()[1] for line in lines[:-1]] == sorted({*read_card(run / "model")["files"], CARD, README})
    assert lines[-1].endswith("bytes would go to me/moods")
    told = json.loads(athanor("push", run, NAME, "--dry-run", "--json").stdout)
    assert (told["name"], told["address"]) == (NAME, "")
    assert told["num_bytes"] == sum(told["files"].values()) == int(lines[-1].split()[0].replace(",", ""))


def test_a_model_directory_goes_by_itself_too(saved: Path, hub: FakeHub) -> None:
    assert push(saved, NAME).files.keys() == hub.files(NAME).keys()


@pytest.mark.parametrize(
    "name",
    ["moods", "me/", "/moods", "me/a/b", "me/mo ods", "../../etc", "me/..", "me/a--b", "me/.a", "mé/moods", "me/a\n",
     "me/" + "x" * 95, "me/moods.git", "https://huggingface.co/me/moods", "hub:me/moods", ""],
)  # fmt: skip
def test_names_that_the_hub_cannot_have_are_refused_first(name: str, hub: FakeHub) -> None:
    assert "is no name of the hub. Write owner/name" in said(ConfigurationError, "nowhere", name)
    assert hub.requests == []


def test_all_that_is_wrong_with_a_destination_is_told_together() -> None:
    answer = athanor("push", "nowhere", "moods", "--revision", "a..b", "--message", "x" * 501)
    assert answer.exit_code == 2
    for part in ("is no name of the hub", "is no branch", "501 characters"):
        assert part in answer.stderr


def test_what_holds_no_finished_model_is_refused(run: Path, tmp_path: Path, hub: FakeHub) -> None:
    assert "is no directory" in said(ModelError, tmp_path / "none", NAME)
    assert "is no directory" in said(ModelError, run / "run.yaml", NAME)
    assert f"{CARD} is missing" in said(ModelError, tmp_path, NAME)
    assert hub.models == {}


@pytest.mark.parametrize("place", ["", "model"])
def test_a_run_that_is_not_finished_is_refused(place: str, run: Path, hub: FakeHub) -> None:
    (run / "summary.json").write_text('{"success": false}')
    assert "is stopped, not finished. Use `athanor resume" in said(RunError, run / place, NAME)
    (run / "summary.json").write_text("{broken")
    assert "is damaged" in said(RunError, run / place, NAME)
    assert hub.models == {}


def test_damage_is_refused(run: Path, hub: FakeHub) -> None:
    weights = run / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    assert "model.safetensors is damaged" in said(ModelError, run, NAME)
    weights.unlink()
    assert "is missing" in said(ModelError, run, NAME)
    weights.symlink_to("/etc/hostname")
    assert "is a link that leaves its model directory" in said(ModelError, run, NAME)
    weights.unlink()
    edit(run / "model" / CARD, lambda card: {**card, "files": {}})
    assert "names no files" in said(ModelError, run, NAME)
    edit(run / "model" / CARD, lambda card: {**card, "files": {"../../run.yaml": "ab"}})
    assert "is missing" in said(ModelError, run, NAME)
    (run / "model" / CARD).write_text("{")
    assert "not JSON" in said(ModelError, run, NAME)
    assert hub.models == {}


def test_a_readme_that_is_no_text_is_refused(run: Path, hub: FakeHub) -> None:
    (run / "model" / README).write_bytes(b"\xff")
    assert "it is not UTF-8" in said(ModelError, run, NAME)


@pytest.mark.parametrize("base", ["/home/me/base", "./base", "runs/one/model"])
def test_an_adapter_of_a_directory_here_is_refused(base: str, run: Path, hub: FakeHub) -> None:
    (run / "model" / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}))
    assert "a directory that nobody else has" in said(ModelError, run, NAME)
    (run / "model" / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "owner/base"}))
    push(run, NAME)
    assert "adapter_config.json" in hub.files(NAME)


def test_without_a_token_or_a_network_a_sentence_says_so(
    run: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert "the hub does not answer at http://127.0.0.1:9." in said(HubError, run, NAME)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "(HF_HUB_OFFLINE is set)" in said(HubError, run, NAME)
    monkeypatch.delenv("HF_TOKEN")
    answer = athanor("push", run, NAME)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "nobody is logged in to the hub. Run `hf auth login`" in answer.stderr


@pytest.mark.parametrize(
    ("part", "status", "remedy"),
    [
        ("repos/create", 401, "The token must be valid"),
        ("repos/create", 403, "may write for that owner"),
        ("commit/main", 400, "Correct that"),
        ("commit/main", 403, "The token"),
        ("preupload/main", 413, "Correct that"),
        ("objects/batch", 422, "Correct that"),
    ],
)
def test_what_the_hub_refuses_is_told_with_its_own_words(
    part: str, status: int, remedy: str, run: Path, hub: FakeHub
) -> None:
    hub.refusals[part] = (status, "Not\x1b[31m today")
    answer = athanor("push", run, NAME)
    assert answer.exit_code == 1
    assert "the hub refuses me/moods" in answer.stderr or "cannot be sent" in answer.stderr
    assert remedy in answer.stderr or "Correct that" in answer.stderr
    assert "\x1b" not in answer.stderr
    assert "Traceback" not in answer.stderr
    assert hub.models.get(NAME, {"main": {}}) == {"main": {}}


@pytest.mark.parametrize("part", ["repos/create", "commit/main"])
def test_a_connection_that_breaks_is_told_and_a_second_push_goes_on(part: str, run: Path, hub: FakeHub) -> None:
    hub.drops = part
    assert "the hub was lost while me/moods was sent" in said(HubError, run, NAME)
    assert hub.models.get(NAME, {"main": {}}) == {"main": {}}
    hub.drops = ""
    push(run, NAME)
    assert CARD in hub.files(NAME)


def test_an_interrupt_while_it_is_sent_leaves_nothing_to_be_seen(run: Path, hub: FakeHub) -> None:
    hub.is_stuck = True
    environment = {**os.environ, "HF_ENDPOINT": hub.address, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    words = [sys.executable, "-m", "athanor", "push", str(run), NAME]
    process = subprocess.Popen(words, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    assert hub.has_come.wait(60)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in told
    assert hub.files(NAME) == {}
