"""Of a cache of the hub the right snapshot is found, and of one that is not whole it is known what is missing."""

import os
from pathlib import Path

import pytest

from domain.exceptions import ModelError
from infrastructure.hub_access import hub_cache
from infrastructure.models.hub_cache import cached_names, look_up
from tests.support.hub_caches import snapshot, without_blob

WHOLE = {"config.json": b"{}", "model.safetensors": b"x", "tokenizer.json": b"{}"}
INDEX = b'{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors", "c": "model-1.safetensors"}}'
SHARDED = {"config.json": b"{}", "tokenizer.json": b"{}", "model.safetensors.index.json": INDEX}


def directory_of(root: Path, name: str, revision: str = "") -> Path:
    found = look_up(root, name, revision)
    assert found is not None
    assert found.is_whole, found.missing
    return found.directory


def missing_of(root: Path, name: str) -> tuple[str, ...]:
    found = look_up(root, name)
    assert found is not None
    return found.missing


@pytest.mark.parametrize(
    ("variables", "place", "said_by"),
    [
        ({"HF_HUB_CACHE": "/a", "HUGGINGFACE_HUB_CACHE": "/b", "HF_HOME": "/c"}, "/a", "HF_HUB_CACHE"),
        ({"HUGGINGFACE_HUB_CACHE": "/b", "HF_HOME": "/c"}, "/b", "HUGGINGFACE_HUB_CACHE"),
        ({"HF_HOME": "/c", "XDG_CACHE_HOME": "/d"}, "/c/hub", "HF_HOME"),
        ({"XDG_CACHE_HOME": "/d"}, "/d/huggingface/hub", ""),
        ({"HOME": "/e"}, "/e/.cache/huggingface/hub", ""),
    ],
)
def test_the_place_of_the_cache_is_that_of_the_library(
    variables: dict[str, str], place: str, said_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert hub_cache() == (Path(place), said_by)


class TestTheSnapshot:
    def test_of_main_is_taken_though_another_is_newer(self, tmp_path: Path) -> None:
        main = snapshot(tmp_path, "o/m", WHOLE, "abc1234")
        snapshot(tmp_path, "o/m", WHOLE, "fff1234", ref=None)
        assert directory_of(tmp_path, "o/m") == main

    def test_of_a_cache_without_main_is_the_newest_whole_one(self, tmp_path: Path) -> None:
        for age, (commit, files) in enumerate((("new", {"config.json": b"{}"}), ("middle", WHOLE), ("old", WHOLE))):
            made = snapshot(tmp_path, "o/m", files, commit, ref=None)
            os.utime(made, (1e9 - age, 1e9 - age))
        assert directory_of(tmp_path, "o/m").name == "middle"

    def test_that_is_whole_is_taken_before_an_incomplete_one_of_main(self, tmp_path: Path) -> None:
        without_blob(snapshot(tmp_path, "o/m", WHOLE, "abc1234"), "model.safetensors")
        whole = snapshot(tmp_path, "o/m", WHOLE, "fff1234", ref=None)
        assert directory_of(tmp_path, "o/m") == whole

    @pytest.mark.parametrize("revision", ["v1", "refs/pr/7", "fff1234567", "fff1234"])
    def test_of_a_revision_is_found_by_branch_tag_and_commit(self, tmp_path: Path, revision: str) -> None:
        snapshot(tmp_path, "o/m", WHOLE, "abc1234")
        wanted = snapshot(
            tmp_path, "o/m", WHOLE, "fff1234567", ref=revision if not revision.startswith("fff") else None
        )
        assert directory_of(tmp_path, "o/m", revision) == wanted

    @pytest.mark.parametrize("revision", ["v2", "fff", "../../x"])
    def test_of_a_revision_that_is_not_there_is_none(self, tmp_path: Path, revision: str) -> None:
        snapshot(tmp_path, "o/m", WHOLE, "fff1234567")
        assert look_up(tmp_path, "o/m", revision) is None

    def test_is_looked_for_in_its_cache_alone(self, tmp_path: Path) -> None:
        snapshot(tmp_path, "o/m", WHOLE)
        (tmp_path / "x").write_text("abc1234")
        assert look_up(tmp_path, "o/m", "../../x") is None

    def test_is_the_newest_where_main_names_another_place(self, tmp_path: Path) -> None:
        snapshot(tmp_path, "o/m", WHOLE, ref=None)
        (tmp_path / "models--o--m" / "refs" / "main").write_text("../../../elsewhere")
        assert directory_of(tmp_path, "o/m").name == "abc1234"

    def test_is_found_beside_links_that_lead_nowhere(self, tmp_path: Path) -> None:
        whole = snapshot(tmp_path, "o/m", WHOLE, ref=None)
        (whole.parent / "fff1234").symlink_to("nowhere")
        (whole.parent / "eee1234").symlink_to("eee1234")
        assert directory_of(tmp_path, "o/m") == whole

    @pytest.mark.parametrize("name", ["m", "o/m"])
    def test_is_none_where_nothing_can_be(self, tmp_path: Path, name: str) -> None:
        assert look_up(tmp_path / ("x" * 5000), name) is None


class TestWhatIsMissing:
    @pytest.mark.parametrize("name", list(WHOLE))
    def test_is_named_whether_the_link_or_what_it_leads_to_is_gone(self, tmp_path: Path, name: str) -> None:
        without_blob(snapshot(tmp_path, "o/link", WHOLE), name)
        snapshot(tmp_path, "o/file", {own: content for own, content in WHOLE.items() if own != name})
        assert missing_of(tmp_path, "o/link") == missing_of(tmp_path, "o/file") == (name,)

    def test_of_weights_in_parts_is_the_part(self, tmp_path: Path) -> None:
        snapshot(tmp_path, "o/m", {**SHARDED, "model-1.safetensors": b"x"})
        assert missing_of(tmp_path, "o/m") == ("model-2.safetensors",)
        snapshot(tmp_path, "o/n", {**SHARDED, "model-1.safetensors": b"x", "model-2.safetensors": b"x"})
        assert missing_of(tmp_path, "o/n") == ()

    def test_is_nothing_where_weights_are_pickled_for_those_are_refused_in_words_of_their_own(
        self, tmp_path: Path
    ) -> None:
        files = {**WHOLE, "pytorch_model.bin": b"x"}
        del files["model.safetensors"]
        snapshot(tmp_path, "o/m", files)
        assert missing_of(tmp_path, "o/m") == ()

    @pytest.mark.parametrize("tokenizer", ["vocab.txt", "spiece.model", "tokenizer_config.json"])
    def test_is_no_file_of_another_tokenizer(self, tmp_path: Path, tokenizer: str) -> None:
        snapshot(tmp_path, "o/m", {"config.json": b"{}", "model.safetensors": b"x", tokenizer: b"x"})
        assert missing_of(tmp_path, "o/m") == ()


class TestNamesWithAndWithoutTheirOwner:
    @pytest.mark.parametrize(
        "cached", ["bert-base-uncased", "google-bert/bert-base-uncased", "someone/bert-base-uncased"]
    )
    def test_mean_the_only_cached_model_of_that_name(self, tmp_path: Path, cached: str) -> None:
        place = snapshot(tmp_path, cached, WHOLE)
        snapshot(tmp_path, "other/bert-base-cased", WHOLE)
        assert directory_of(tmp_path, "bert-base-uncased") == place

    def test_mean_the_first_owner_among_several(self, tmp_path: Path) -> None:
        snapshot(tmp_path, "someone/gpt2", WHOLE)
        first = snapshot(tmp_path, "openai-community/gpt2", WHOLE)
        assert directory_of(tmp_path, "gpt2") == first

    def test_that_are_cached_in_part_mean_the_whole_one_of_the_first_owner(self, tmp_path: Path) -> None:
        without_blob(snapshot(tmp_path, "gpt2", WHOLE), "model.safetensors")
        snapshot(tmp_path, "someone/gpt2", WHOLE)
        assert missing_of(tmp_path, "gpt2") == ("model.safetensors",)
        first = snapshot(tmp_path, "openai-community/gpt2", WHOLE)
        assert directory_of(tmp_path, "gpt2") == first

    def test_mean_the_only_one_beside_an_empty_folder_of_that_name(self, tmp_path: Path) -> None:
        place = snapshot(tmp_path, "someone/m", WHOLE)
        (tmp_path / "models--m").mkdir()
        assert directory_of(tmp_path, "m") == place

    def test_are_refused_where_several_could_be_meant(self, tmp_path: Path) -> None:
        for owner in ("one", "two"):
            snapshot(tmp_path, f"{owner}/m", WHOLE)
        with pytest.raises(ModelError, match=r"'m' could be one/m or two/m.*Name one of them"):
            look_up(tmp_path, "m")

    def test_of_the_first_owner_mean_the_model_that_had_none(self, tmp_path: Path) -> None:
        place = snapshot(tmp_path, "gpt2", WHOLE)
        assert directory_of(tmp_path, "openai-community/gpt2") == place
        assert look_up(tmp_path, "someone/gpt2") is None


def test_names_in_a_cache_are_listed_and_other_folders_passed_over(tmp_path: Path) -> None:
    snapshot(tmp_path, "o/m", WHOLE)
    snapshot(tmp_path, "gpt2", WHOLE)
    (tmp_path / "datasets--o--d").mkdir()
    assert cached_names(tmp_path) == ["gpt2", "o/m"]
    assert cached_names(tmp_path / "nowhere") == []
