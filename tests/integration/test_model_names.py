"""A name of a model is a preset, a directory or a model of the hub; what is nowhere is told with the way to it."""

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub.errors import RepositoryNotFoundError
from transformers import AutoModelForSequenceClassification

from application.training_request import TrainModelRequest
from application.use_cases.train_model import TrainModelResponse
from domain.exceptions import ConfigurationError, ModelError
from domain.task import TASKS, is_preset
from infrastructure.container import Container
from infrastructure.data.kept.cache import cached_aside
from infrastructure.models import hub, presets
from infrastructure.models.hub import HubModel, fetched
from infrastructure.models.naming import place_of
from tests.support import tiny
from tests.support.finished_models import finished_once
from tests.support.hub_caches import snapshot, without_blob

PRESETS = ("encoder-tiny", "encoder-mini", "encoder-base")
WHOLE = {"config.json": b"{}", "model.safetensors": b"x", "tokenizer.json": b"{}"}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    return finished_once(tmp_path_factory.mktemp)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a working directory and an empty cache of the hub, and no network."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def refuse(*_: Any) -> None:
        raise AssertionError("a connection was wanted")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return tmp_path / "home" / "hub"


def refused(name: str) -> str:
    with pytest.raises(ModelError) as caught:
        place_of(name, PRESETS)
    said = str(caught.value)
    assert "\n" not in said
    assert len(said) < 900
    return said


def model_directory(place: Path) -> Path:
    place.mkdir(parents=True)
    for name, content in WHOLE.items():
        (place / name).write_bytes(content)
    return place


class TestOfTheHub:
    @pytest.mark.parametrize("name", ["bert-base-uncased", "gpt2", "distilbert-base-uncased", "o/m", "o/m.v1_2"])
    def test_are_found_in_the_cache(self, home: Path, name: str) -> None:
        place = snapshot(home, name, WHOLE)
        assert place_of(name, PRESETS).directory == place

    def test_are_found_with_a_revision(self, home: Path) -> None:
        snapshot(home, "gpt2", WHOLE)
        wanted = snapshot(home, "gpt2", WHOLE, "fff1234", ref="v1")
        assert place_of("gpt2@v1", PRESETS).directory == wanted
        assert "hf download gpt2 --revision v2 --local-dir DIR" in refused("gpt2@v2")

    def test_are_said_to_lie_under_another_owner(self, home: Path) -> None:
        place = snapshot(home, "google-bert/bert-base-uncased", WHOLE)
        found = place_of("bert-base-uncased", PRESETS)
        assert found.directory == place
        assert found.notes == (
            "model bert-base-uncased: google-bert/bert-base-uncased of the hub's cache is taken for it.",
        )

    @pytest.mark.parametrize("name", ["bert-base-uncased", "microsoft/codebert-base", "encodertiny-x/y"])
    def test_that_are_nowhere_are_told_with_the_files_and_their_places(self, home: Path, name: str) -> None:
        said = refused(name)
        for word in (
            f"'{name}' is no preset and no directory",
            "cannot be fetched from the hub (the hub does not answer)",
            f"not in the hub's cache {home} (from HF_HOME)",
            f"`hf download {name} --local-dir DIR`",
            "config.json, tokenizer.json (or the tokenizer's other files) and model.safetensors",
            "--model DIR",
            "HF_HOME",
        ):
            assert word in said

    def test_that_are_cached_in_part_are_told_with_what_is_missing(self, home: Path) -> None:
        place = snapshot(home, "gpt2", WHOLE)
        without_blob(place, "model.safetensors")
        assert f"in {place} model.safetensors is missing" in refused("gpt2")
        (place / "tokenizer.json").unlink()
        assert "model.safetensors and tokenizer.json are missing" in refused("gpt2")

    def test_that_are_nearly_called_like_a_cached_one_are_told_of_it(self, home: Path) -> None:
        snapshot(home, "google-bert/bert-base-uncased", WHOLE)
        assert "Did you mean google-bert/bert-base-uncased, which is cached?" in refused("google-bert/bert-base-uncase")

    @pytest.mark.parametrize(
        "name",
        [
            "a b",
            "owner/na me",
            "modèle",
            "模型",
            "-x",
            "x-",
            "a..b",
            "a--b",
            "o/..",
            "a\x00b",
            "x" * 300,
            "o/" + "y" * 300,
            "a@",
            "@v1",
            "a:b",
        ],
    )
    def test_that_no_model_can_have_are_refused_in_a_sentence(self, name: str) -> None:
        said = refused(name)
        assert "is no preset of this task (encoder-tiny, encoder-mini, encoder-base), directory or hub id" in said
        assert "Name one of these. A hub id has the form name or owner/name" in said


class TestFetching:
    """Where the hub answers it is asked, once, and what it says of a failure is said in a few words."""

    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = []
        monkeypatch.setattr(hub, "hub_answers", lambda: True)

        def download(name: str, *, cache_dir: Path, revision: str, **_: Any) -> str:
            calls.append({"name": name, "cache_dir": cache_dir, "revision": revision})
            return str(snapshot(cache_dir, name, WHOLE, f"c{len(calls)}234567"))

        monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
        return calls

    def test_goes_into_the_cache_that_is_searched(self, home: Path, asked: list[dict[str, Any]]) -> None:
        found = fetched(HubModel("gpt2", "v1"))
        assert asked == [{"name": "gpt2", "cache_dir": home, "revision": "v1"}]
        assert found.directory.is_relative_to(home)

    def test_is_not_done_again_by_who_takes_what_is_cached(self, asked: list[dict[str, Any]]) -> None:
        first = fetched(HubModel("gpt2"))
        assert fetched(HubModel("gpt2"), ask_hub=False) == first
        assert len(asked) == 1
        fetched(HubModel("gpt2"))
        assert len(asked) == 2

    def test_of_a_dry_run_leaves_the_cache_alone(self, home: Path, asked: list[dict[str, Any]]) -> None:
        with cached_aside() as place:
            found = fetched(HubModel("gpt2"))
            assert found.directory.is_relative_to(place)
            assert fetched(HubModel("gpt2")) == found
        assert len(asked) == 1
        assert not home.exists()

    def test_that_fails_says_why_and_takes_what_is_cached(
        self, home: Path, asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any, **__: Any) -> str:
            raise RepositoryNotFoundError.__new__(RepositoryNotFoundError)

        monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
        assert "(the hub shows no such model without another HF_TOKEN)" in refused("gpt2")
        place = snapshot(home, "gpt2", WHOLE)
        assert place_of("gpt2", PRESETS).directory == place


class TestOfDirectories:
    def test_come_before_those_of_the_hub(self, home: Path) -> None:
        snapshot(home, "gpt2", WHOLE)
        place = model_directory(Path("gpt2"))
        assert place_of("gpt2", PRESETS).directory == place

    @pytest.mark.parametrize("name", ["./no/such", "/no/such", "~/no/such", "a/b/c", "no/", "here\\there"])
    def test_that_are_not_there_are_no_names_of_the_hub(self, name: str) -> None:
        assert "does not exist" in refused(name)

    def test_that_are_not_there_beside_one_that_is_are_told_of_it(self) -> None:
        model_directory(Path("mine/letters"))
        model_directory(Path("letters-model"))
        assert "Did you mean mine/letters?" in refused("mine/leters")
        assert "Did you mean ./mine/letters?" in refused("./mine/leters")
        assert "Did you mean letters-model?" in refused("leters-model")

    def test_that_hold_a_run_are_told_of_its_model(self) -> None:
        model_directory(Path("run/model"))
        assert "Give run/model, the model of that run." in refused("run")
        Path("empty").mkdir()
        assert "model directory empty has no config.json. Give a directory that save_pretrained wrote." in refused(
            "empty"
        )

    def test_that_are_files_are_told_of_the_directory(self) -> None:
        model_directory(Path("mine"))
        Path("rows.csv").write_text("a")
        assert "Give the directory that holds it, mine." in refused("mine/model.safetensors")
        assert "'rows.csv' is a file, not a directory" in refused("rows.csv")


class TestOfPresets:
    def test_of_the_domain_are_those_that_are_built(self) -> None:
        encoders = {*presets.ENCODERS, *presets.FLOW_READERS}
        built = {*encoders, *presets.DECODERS, *presets.ENCODER_DECODERS, *presets.FORECASTERS}
        named = {name for task in TASKS.values() for name in task.presets}
        assert built == named
        assert all(map(is_preset, named))

    @pytest.mark.parametrize(
        ("name", "meant"),
        [("encoder-tinny", "encoder-tiny"), ("encodr-mini", "encoder-mini"), ("encoder_base", "encoder-base")],
    )
    def test_that_are_misspelt_are_told_of_the_nearest(self, name: str, meant: str) -> None:
        assert f"Did you mean {meant}?" in refused(name)

    def test_of_other_tasks_are_refused_with_what_they_are_of(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            TrainModelRequest(task="text_classification", model_name="decoder-tiny", epochs=0).resolved()
        told, *others = sorted(caught.value.messages, key=lambda message: "preset" not in message)
        assert (
            "model 'decoder-tiny' is no preset of this task (encoder-tiny, encoder-mini, encoder-base), but of" in told
        )
        assert "code_generation" in told
        assert others, "the other fault was not told with it"


class TestATraining:
    def train(self, name: str, tmp_path: Path, **changes: Any) -> TrainModelResponse:
        request = TrainModelRequest(
            task="text_classification",
            dataset_path=str(tiny.file_of_rows(tmp_path / "rows.json")),
            model_name=name,
            precision="fp32",
            max_steps=2,
            output_dir=str(tmp_path / "run"),
            **changes,
        )
        return Container().train_model().execute(request)

    @pytest.mark.parametrize("cached", ["tiny-model", "google-bert/tiny-model"])
    def test_begins_from_a_cached_snapshot(
        self, home: Path, tmp_path: Path, models: Callable[[str], Path], cached: str
    ) -> None:
        snapshot(home, cached, models("text_classification"))
        response = self.train("tiny-model", tmp_path)
        assert response.success, response.errors
        assert AutoModelForSequenceClassification.from_pretrained(str(response.model_path)).config.num_labels == 2
        assert any("of the hub's cache is taken for it" in warning for warning in response.warnings) == (
            cached != "tiny-model"
        )
        card = json.loads((Path(str(response.model_path)) / "athanor.json").read_text())
        assert card["model_name"] == "tiny-model"

    def test_refuses_a_cached_snapshot_like_any_other_directory(
        self, home: Path, tmp_path: Path, models: Callable[[str], Path]
    ) -> None:
        place = snapshot(home, "o/m", models("text_classification"))
        content = json.loads((place / "config.json").read_text())
        (place / "config.json").unlink()
        (place / "config.json").write_text(json.dumps({**content, "auto_map": {"AutoConfig": "evil.C"}}))
        response = self.train("o/m", tmp_path)
        assert (response.success, response.exit_code) == (False, 2)
        assert "wants code of its own" in response.errors[0]
        assert not (tmp_path / "run").exists()

    def test_refuses_pickled_weights_of_a_cached_snapshot(
        self, home: Path, tmp_path: Path, models: Callable[[str], Path]
    ) -> None:
        place = snapshot(home, "o/m", models("text_classification"))
        shutil.move(place / "model.safetensors", place / "pytorch_model.bin")
        response = self.train("o/m", tmp_path)
        assert response.exit_code == 2
        assert "other formats may carry code and are not opened. Open and save it again" in response.errors[0]

    def test_of_a_model_that_is_nowhere_ends_before_its_rows_are_read(self, tmp_path: Path) -> None:
        response = self.train("bert-base-uncased", tmp_path, eval_dataset="not/there.json")
        assert response.exit_code == 2
        assert "cannot be fetched" in response.errors[0]
        assert not (tmp_path / "run").exists()
