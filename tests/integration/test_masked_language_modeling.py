"""Texts with gaps, from the file to a model that fills them and labels next."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer, BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

from application.training_request import TrainModelRequest
from application.use_cases.predict import PredictRequest
from application.use_cases.train_model import TrainModelResponse
from domain.exceptions import ConfigurationError, DatasetError
from infrastructure.container import Container
from infrastructure.data.text.documents import load_documents
from infrastructure.data.text.parts import whole_documents
from infrastructure.data.text.passages import Passages, passages
from infrastructure.data.tokens.text_ids import marks_of, text_ids
from infrastructure.models.factory import CLASSIFIER
from infrastructure.models.pretrained import open_model
from infrastructure.models.tokenizer import train_tokenizer
from infrastructure.tasks.masked.adapter import MaskedLanguageModeling
from infrastructure.tasks.masked.asked import Gapped, gapped
from infrastructure.training import AdvancedTrainer, DatasetLoader
from infrastructure.workshop import TrainingWorkshop
from tests.support import tiny
from tests.support.tiny_text import MASKED, PRESETS, documents, request, written

LETTERS = "the parcel of lima came late. where is paris, they asked? nobody knew the word unhappily"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> TrainModelResponse:
    """Fill gaps for a few steps."""
    tmp = tmp_path_factory.mktemp("masked")
    response = Container().train_model().execute(request(MASKED, tmp, max_steps=4, output_dir=str(tmp / "run")))
    assert response.success, response.errors
    return response


def answers(run: str | None, lines: list[str], tmp_path: Path, **options: Any) -> list[dict[str, Any]]:
    path = written(tmp_path / "asked.jsonl", [{"text": line} for line in lines])
    asked = PredictRequest(run=str(run), input_path=str(path), **options)
    return [dict(row) for row in Container().predict().execute(asked)]


class TestPassages:
    def made(self, tmp_path: Path, texts: list[str], max_length: int) -> tuple[Passages, Any]:
        tokens = train_tokenizer([LETTERS] * 4, 300, lowercase=False, seed=0)
        path = written(tmp_path / "texts.jsonl", [{"text": text} for text in texts])
        return passages(whole_documents(load_documents(path)), tokens, max_length), tokens

    def test_hold_every_token_of_every_document_once_in_its_order(self, tmp_path: Path) -> None:
        texts = [LETTERS[: 9 * (number % 10 + 1)] * (number % 4 + 1) for number in range(23)]
        found, tokens = self.made(tmp_path, texts, 12)
        beginning, end = marks_of(tokens)
        rows = [found[row]["input_ids"].tolist() for row in range(len(found))]
        assert all(row[0] == beginning[0] and row[-1] == end[0] and 3 <= len(row) <= 12 for row in rows)
        assert [len(row) for row in rows] == found.lengths.tolist()
        expected = [token for ids in text_ids(tokens, texts, marks=False) for token in ids]
        assert [token for row in rows for token in row[1:-1]] == expected

    def test_of_one_document_are_of_near_equal_length(self, tmp_path: Path) -> None:
        found, tokens = self.made(tmp_path, ["lima paris " * 40, "late"], 20)
        (ids, _) = text_ids(tokens, ["lima paris " * 40, "late"], marks=False)
        of_first = found.lengths[:-1]
        assert len(of_first) == -(-len(ids) // 18)
        assert of_first.max() - of_first.min() <= 1

    def test_are_named_by_their_document(self, tmp_path: Path) -> None:
        found, _ = self.made(tmp_path, ["late", "lima paris " * 12, "word"], 30)
        names = [found.row_id(row) for row in range(len(found))]
        assert names[0] == "texts.jsonl:document 1"
        assert names[1] == f"texts.jsonl:document 2, passage 1 of {len(found) - 2}"
        assert names[-1] == "texts.jsonl:document 3"

    def test_count_the_tokens_of_the_text_and_no_mark(self, tmp_path: Path) -> None:
        found, tokens = self.made(tmp_path, ["late late", "paris"], 30)
        ids = [token for text in text_ids(tokens, ["late late", "paris"], marks=False) for token in text]
        counts = found.token_counts(len(tokens))
        assert {token: int(count) for token, count in enumerate(counts) if count} == {
            token: ids.count(token) for token in ids
        }


def word_pieces() -> PreTrainedTokenizerFast:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    words = ["the", "parcel", "of", "lima", "is", "where", "un", "happily", ".", ",", "?"]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    vocabulary = {word: number for number, word in enumerate([*words, "##happily", "##s"])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        mask_token="[MASK]", split_special_tokens=True,
    )  # fmt: skip


TOKENIZERS: dict[str, Callable[[], Any]] = {
    "word pieces": word_pieces,
    "bytes": lambda: train_tokenizer([LETTERS] * 4, 400, lowercase=False, seed=0),
    "bytes with a blank before": lambda: train_tokenizer([LETTERS] * 4, 400, lowercase=True, seed=0),
}


class TestGapsOfAQuestion:
    @pytest.mark.parametrize("name", TOKENIZERS)
    @pytest.mark.parametrize(
        ("text", "gap"),
        [
            ("the parcel of lima.", "lima"),
            ("the parcel of lima is paris", "parcel"),
            ("where is lima, the parcel?", "lima"),
        ],
    )
    @pytest.mark.parametrize("sign", ["[MASK]", "<mask>"])
    def test_are_read_as_the_whole_text_with_a_token_replaced(self, name: str, text: str, gap: str, sign: str) -> None:
        """What the model has learnt from: everything but the hidden token is as it would be without a gap."""
        tokens = TOKENIZERS[name]()
        (whole,) = text_ids(tokens, [text])
        (alone,) = text_ids(tokens, [f" {gap}"], marks=False)
        place = next(at for at in range(len(whole)) if whole[at : at + len(alone)] == alone)
        found = gapped(tokens, text.replace(gap, sign), 64)
        assert isinstance(found, Gapped)
        assert found.ids.tolist() == [*whole[:place], tokens.mask_token_id, *whole[place + len(alone) :]]
        assert found.gaps.tolist() == [place]

    def test_that_stand_side_by_side_are_two(self) -> None:
        found = gapped(word_pieces(), "the [MASK] [MASK] lima", 64)
        assert isinstance(found, Gapped)
        assert found.gaps.tolist() == [2, 3]

    def test_of_a_long_text_are_read_with_what_stands_around_them(self) -> None:
        tokens = word_pieces()
        found = gapped(tokens, "the parcel " * 50 + "[MASK]" + " of lima" * 50, 21)
        assert isinstance(found, Gapped)
        assert len(found.ids) == 21
        assert int(found.ids[found.gaps[0]]) == tokens.mask_token_id
        assert 8 <= found.gaps[0] <= 12

    def test_other_signs_that_a_text_spells_out_are_letters(self) -> None:
        tokens = word_pieces()
        found = gapped(tokens, "the [SEP] of [MASK]", 64)
        assert isinstance(found, Gapped)
        assert found.ids.tolist().count(tokens.sep_token_id) == 1  # the one at the end

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("no gap", "holds no gap to be filled: write \\[MASK\\] or <mask> in its place"),
            ("[MASK]" + " the" * 30 + "[MASK]", "farther apart than max_length 21 tokens"),
        ],
    )
    def test_that_cannot_be_filled_are_told(self, text: str, said: str) -> None:
        reason = gapped(word_pieces(), text, 21)
        assert isinstance(reason, str)
        assert re.search(said, reason)


class TestAnswers:
    def test_fill_the_gaps_with_the_likeliest_tokens(self, run: TrainModelResponse, tmp_path: Path) -> None:
        """An independent reference: the library opens the directory and scores the same ids."""
        text = "load the [MASK] of 3."
        (answer,) = answers(run.run_dir, [text], tmp_path, top_k=3)
        tokenizer: Any = AutoTokenizer.from_pretrained(str(run.model_path))
        model = AutoModelForMaskedLM.from_pretrained(str(run.model_path))
        found = gapped(tokenizer, text, 96)
        assert isinstance(found, Gapped)
        with torch.no_grad():
            scores = model(input_ids=torch.tensor(found.ids)[None]).logits[0, found.gaps[0]]
        scores[tokenizer.all_special_ids] = -torch.inf
        best = scores.softmax(0).topk(3)
        assert [each["token"] for each in answer["gaps"][0]] == [tokenizer.decode([i]) for i in best.indices.tolist()]
        assert [each["score"] for each in answer["gaps"][0]] == pytest.approx(best.values.tolist(), abs=1e-5)
        assert answer["text"] == text.replace("[MASK]", tokenizer.decode([best.indices[0]]).lstrip())

    def test_stay_in_their_places_and_say_why_there_is_none(self, run: TrainModelResponse, tmp_path: Path) -> None:
        found = answers(run.run_dir, ["load [MASK]", "no gap", "[MASK] and <mask>"], tmp_path)
        assert [len(row["gaps"] or ()) for row in found] == [1, 0, 2]
        assert found[1]["text"] is None
        assert found[1]["error"].startswith("asked.jsonl:2: holds no gap to be filled")

    def test_do_not_depend_on_the_rows_beside_them(self, run: TrainModelResponse, tmp_path: Path) -> None:
        lines = ["load the [MASK] of 3", "[MASK]", "count the rows of 12 again and again <mask> split"]
        together = answers(run.run_dir, lines, tmp_path)
        for line, row in zip(lines, together, strict=True):
            (alone,) = answers(run.run_dir, [line], tmp_path)
            for one, other in zip(alone["gaps"], row["gaps"], strict=True):
                assert [each["score"] for each in one] == pytest.approx([each["score"] for each in other], abs=1e-5)

    @pytest.mark.parametrize("top_k", [0, 101])
    def test_are_asked_for_in_numbers_that_make_sense(
        self, run: TrainModelResponse, tmp_path: Path, top_k: int
    ) -> None:
        with pytest.raises(ConfigurationError, match="top_k"):
            answers(run.run_dir, ["[MASK]"], tmp_path, top_k=top_k)


class TestLabelsNext:
    def test_the_classifier_takes_over_all_but_its_last_layer(self, run: TrainModelResponse) -> None:
        assert run.model_path
        directory = Path(run.model_path)
        classifier, loading = open_model(directory, CLASSIFIER, num_labels=3)
        assert {key.split(".")[0] for key in loading["missing_keys"]} == {"classifier"}
        filler = AutoModelForMaskedLM.from_pretrained(str(run.model_path))
        for part in ("model", "head"):
            for one, other in zip(
                getattr(classifier, part).parameters(), getattr(filler, part).parameters(), strict=True
            ):
                assert torch.equal(one, other)
        config: Any = classifier.config
        assert (config.classifier_pooling, config.classifier_dropout, config.embedding_dropout) == ("mean", 0.1, 0.2)

    def test_a_training_of_labels_warns_of_the_new_head_alone_and_keeps_the_tokenizer(
        self, run: TrainModelResponse, tmp_path: Path
    ) -> None:
        rows = tiny.file_of_rows(tmp_path / "rows.json", 48)
        response = Container().train_model().execute(
            TrainModelRequest(
                task="text_classification", dataset_path=str(rows), model_name=run.model_path, max_steps=2,
                precision="fp32", output_dir=str(tmp_path / "labels"),
            )
        )  # fmt: skip
        assert response.success, response.errors
        (told,) = [warning for warning in response.warnings if "start untrained" in warning]
        assert "classifier.bias, classifier.weight start untrained" in told
        page = (tmp_path / "labels" / "report.html").read_text(encoding="utf-8")
        assert page.count("classifier.bias, classifier.weight start untrained") == 1
        one, other = (Path(str(path)) / "tokenizer.json" for path in (run.model_path, response.model_path))
        assert json.loads(one.read_text())["model"] == json.loads(other.read_text())["model"]

    @pytest.mark.parametrize("task", PRESETS)
    def test_a_task_that_writes_refuses_it(self, task: str, run: TrainModelResponse, tmp_path: Path) -> None:
        wanted = request(task, tmp_path, model_name=run.model_path, vocab_size=None, output_dir=str(tmp_path / "run"))
        response = Container().train_model().execute(wanted)
        assert (response.success, response.exit_code) == (False, 2)
        assert "is an encoder (modernbert), but this task trains" in response.errors[0]


class TestWhatIsRefused:
    @pytest.mark.parametrize("task", ["language_modeling", "sequence_to_sequence"])
    def test_a_model_that_writes(self, task: str, tmp_path: Path) -> None:
        (tmp_path / "writer").mkdir()
        writer = (
            Container()
            .train_model()
            .execute(request(task, tmp_path / "writer", max_steps=1, output_dir=str(tmp_path / "writer/run")))
        )
        response = (
            Container()
            .train_model()
            .execute(
                request(
                    MASKED, tmp_path, model_name=writer.model_path, vocab_size=None, output_dir=str(tmp_path / "run")
                )
            )
        )
        assert (response.success, response.exit_code) == (False, 2)
        assert "but this task trains an encoder" in response.errors[0]
        assert not (tmp_path / "run").exists()

    def test_an_encoder_whose_tokenizer_has_no_mask(self, tmp_path: Path) -> None:
        tokens = word_pieces()
        tokens.mask_token = None
        BertForMaskedLM(
            BertConfig(vocab_size=30, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
        ).save_pretrained(tmp_path / "bert")
        tokens.save_pretrained(tmp_path / "bert")
        response = (
            Container()
            .train_model()
            .execute(
                request(
                    MASKED, tmp_path, model_name=str(tmp_path / "bert"), vocab_size=None, output_dir=str(tmp_path / "r")
                )
            )
        )
        assert (response.success, response.exit_code) == (False, 2)
        assert "has a tokenizer without a mask token" in response.errors[0]

    @pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 1.5])
    def test_a_share_that_leaves_nothing(self, share: float) -> None:
        with pytest.raises(ConfigurationError, match=r"mask_share is .*, but must be above 0 and below 1"):
            TrainModelRequest(task=MASKED, mask_share=share).resolved()

    def test_texts_of_which_none_is_left_to_be_scored(self, tmp_path: Path) -> None:
        path = written(tmp_path / "one.jsonl", [{"text": "the same"}, {"text": "the same"}])
        with pytest.raises(DatasetError, match="a split needs two"):
            DatasetLoader(path, word_pieces(), task=MASKED).get_train_test_split(0.5)


class TestDefaults:
    def test_of_a_preset_are_steps_unless_somebody_says_how_long(self) -> None:
        assert TrainModelRequest(task=MASKED).resolved().max_steps == 1500
        assert TrainModelRequest(task=MASKED, epochs=3).resolved().max_steps is None
        assert TrainModelRequest(task=MASKED, time_budget="5m").resolved().max_steps is None
        assert TrainModelRequest(task=MASKED, epochs=3, max_steps=7).resolved().max_steps == 7

    def test_of_an_encoder_from_elsewhere_are_gentle(self) -> None:
        found = TrainModelRequest(task=MASKED, model_name="some/encoder").resolved()
        assert (found.optimizer, found.learning_rate, found.epochs, found.max_steps) == ("adamw", 5e-5, 3, None)

    def test_of_labels_suit_a_small_encoder(self, run: TrainModelResponse, tmp_path: Path) -> None:
        def settled(**said: Any) -> Any:
            asked = TrainModelRequest(task="text_classification", model_name=run.model_path, device="cpu", **said)
            return TrainingWorkshop().settle(asked.resolved(), asked)

        assert (settled().learning_rate, settled().epochs) == (3e-4, 8)
        assert (settled(learning_rate=1e-5).learning_rate, settled(epochs=2).epochs) == (1e-5, 2)
        assert settled(freeze="all_but_head").learning_rate == 1e-3
        wide = BertConfig(vocab_size=30, hidden_size=512, num_hidden_layers=1, num_attention_heads=8)
        BertForMaskedLM(wide).save_pretrained(tmp_path / "wide")
        word_pieces().save_pretrained(tmp_path / "wide")
        asked = TrainModelRequest(task="text_classification", model_name=str(tmp_path / "wide"), device="cpu")
        assert TrainingWorkshop().settle(asked.resolved(), asked).learning_rate == 3e-5


@pytest.mark.parametrize("settings", [{"adapter": "lora"}, {"freeze": "embeddings"}], ids=["adapter", "frozen"])
def test_a_part_of_an_encoder_can_be_trained(settings: dict[str, Any], run: TrainModelResponse, tmp_path: Path) -> None:
    wanted = request(
        MASKED, tmp_path, model_name=run.model_path, vocab_size=None, max_steps=2, learning_rate=1e-2,
        output_dir=str(tmp_path / "run"), **settings,
    )  # fmt: skip
    response = Container().train_model().execute(wanted)
    assert response.success, response.errors
    before, after = (AutoModelForMaskedLM.from_pretrained(str(path)) for path in (run.model_path, response.model_path))
    assert torch.equal(before.get_input_embeddings().weight, after.get_input_embeddings().weight)
    same = [torch.equal(a, b) for a, b in zip(before.model.parameters(), after.model.parameters(), strict=True)]
    assert not all(same)
    (answer,) = answers(response.run_dir, ["load the [MASK]"], tmp_path)
    assert answer["gaps"]


class TestTheLibrary:
    def data(self, tmp_path: Path, tokens: Any) -> tuple[Any, Any]:
        path = written(tmp_path / "texts.jsonl", documents(24))
        return DatasetLoader(path, tokens, task=MASKED, max_length=48).get_train_test_split(0.25)

    def test_a_model_of_yours_learns_what_the_loader_gives_it(self, tmp_path: Path) -> None:
        tokens = train_tokenizer([row["text"] for row in documents(24)], 330, lowercase=False, seed=0)
        train, evaluation = self.data(tmp_path, tokens)
        torch.manual_seed(0)
        size: dict[str, Any] = {
            "hidden_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 16,
        }
        model = BertForMaskedLM(BertConfig(vocab_size=len(tokens), pad_token_id=tokens.pad_token_id, **size))
        settings: dict[str, Any] = {"max_steps": 2, "batch_size": 4, "precision": "fp32", "learning_rate": 1e-2}
        results = AdvancedTrainer(model, train, evaluation, tmp_path / "out", **settings).train()
        assert results["final_metrics"]["loss"] == pytest.approx(plain_loss(model, evaluation, tokens), rel=1e-5)

    def test_rows_without_a_mask_token_are_refused(self, tmp_path: Path) -> None:
        model = BertForMaskedLM(BertConfig(vocab_size=30, hidden_size=16, num_hidden_layers=1, num_attention_heads=2))
        rows = [{"input_ids": torch.tensor([5, 6, 7])}] * 4
        with pytest.raises(ConfigurationError, match="names no mask_token_id"):
            AdvancedTrainer(model, rows, rows, tmp_path / "out", max_steps=1).train()


def plain_loss(model: Any, rows: Any, tokens: Any) -> float:
    """Give the mean over the hidden tokens as the library itself computes it, a row at a time."""
    model.eval()
    masking = MaskedLanguageModeling(tokens.mask_token_id, tokens.all_special_ids, tokens.pad_token_id)
    total = count = 0.0
    for row in range(len(rows)):
        batch = masking.collate([rows[row]], None)
        labels = torch.full_like(batch["input_ids"], -100)
        labels[0, batch["target_at"]] = batch["targets"]
        with torch.inference_mode():
            loss = model(input_ids=batch["input_ids"], labels=labels).loss
        total, count = total + float(loss) * len(batch["targets"]), count + len(batch["targets"])
    return total / count
