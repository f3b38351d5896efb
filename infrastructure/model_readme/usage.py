"""How a model is used, as lines that run where its library is installed."""

from collections.abc import Sequence

from infrastructure.model_readme.told import ATHANOR, PEFT, ModelTold
from infrastructure.reports.page.blocks import Block, Command, Paragraph

NAME = "OWNER/NAME"
BASE = "BASE"
_CLASSIFIER, _WRITER, _TRANSLATOR = (
    f"AutoModelFor{kind}" for kind in ("SequenceClassification", "CausalLM", "Seq2SeqLM")
)
_CLASSES = {
    "sequence_classification": _CLASSIFIER,
    "language_modeling": _WRITER,
    "masked_language_modeling": "AutoModelForMaskedLM",
    "code_generation": _WRITER,
    "instruction_tuning": _WRITER,
    "sequence_to_sequence": _TRANSLATOR,
}
_ASKED = 'return_tensors="pt", return_token_type_ids=False'
_WRITTEN = 'print(tokenizer.decode(written[0, asked["input_ids"].shape[1] :], skip_special_tokens=True))'


def usage(told: ModelTold) -> Sequence[Block]:
    """Show how to open the model and to ask it; `OWNER/NAME` stands for its name on the hub or its directory."""
    where = Paragraph(f"{NAME} stands for the name of this model on the hub, or for this directory.")
    by_athanor = Command(f"athanor predict DIRECTORY --input {_input(told)} --output answers.csv")
    if told.library == ATHANOR or told.task.kind not in _CLASSES:
        fetched = Command(f"hf download {NAME} --local-dir DIRECTORY")
        return [Paragraph("It opens in Athanor alone, which reads files as the training did."), fetched, by_athanor]
    lines = [*_opened(told), "", *_asked(told)]
    return [
        where,
        Command("\n".join(lines), "python"),
        Paragraph("Or by Athanor, which reads files as the training did, with this directory:"),
        by_athanor,
    ]


def _input(told: ModelTold) -> str:
    return "table.csv" if not told.request.words.has_tokens else "rows.csv"


def _opened(told: ModelTold) -> list[str]:
    name = _CLASSES[told.task.kind]
    loaded = [f"from transformers import {name}, AutoTokenizer", ""]
    tokenizer = f'tokenizer = AutoTokenizer.from_pretrained("{NAME}")'
    if told.library != PEFT:
        return [*loaded, tokenizer, f'model = {name}.from_pretrained("{NAME}")']
    base = f'"{told.base}"' if told.base else f'"{BASE}"'
    note = "" if told.base else "  # the model that this adapter was trained beside"
    size = f", num_labels={len(told.labels)}" if name == _CLASSIFIER else ""
    return [
        "from peft import PeftModel",
        *loaded,
        tokenizer,
        f"base = {name}.from_pretrained({base}{size}){note}",
        f'model = PeftModel.from_pretrained(base, "{NAME}")',
    ]


def _asked(told: ModelTold) -> list[str]:
    kind, length = told.task.kind, told.card.get("max_length")
    cut = f"truncation=True, max_length={length}, " if length else ""
    new = f"max_new_tokens={told.card.get('max_new_tokens', 128)}"
    if kind == "sequence_classification":
        answers = "[model.config.id2label[number] for number in best]" if told.library != PEFT else "best"
        note = "" if told.library != PEFT else "  # places among the labels above, from 0"
        return [
            f'asked = tokenizer(["Your text"], padding=True, {cut}{_ASKED})',
            "best = model(**asked).logits.argmax(-1).tolist()",
            f"print({answers}){note}",
        ]
    if kind == "masked_language_modeling":
        return [
            f'asked = tokenizer(f"one {{tokenizer.mask_token}} more", split_special_tokens=False, {_ASKED})',
            'gap = asked["input_ids"][0].tolist().index(tokenizer.mask_token_id)',
            "print(tokenizer.decode(model(**asked).logits[0, gap].argmax().item()))",
        ]
    if kind == "sequence_to_sequence":
        return [
            f'asked = tokenizer("Your text", {cut}{_ASKED})',
            f"written = model.generate(**asked, {new})",
            "print(tokenizer.decode(written[0], skip_special_tokens=True))",
        ]
    return [*_prompt(told), f"written = model.generate(**asked, {new})", _WRITTEN]


def _prompt(told: ModelTold) -> list[str]:
    if told.task.kind == "language_modeling":
        return [f'asked = tokenizer("The beginning", {_ASKED})']
    if told.task.kind == "instruction_tuning" or told.card.get("of_chats"):
        return [
            'chat = [{"role": "user", "content": "Your question"}]',
            'how = {"add_generation_prompt": True, "return_dict": True, "return_tensors": "pt"}',
            "asked = tokenizer.apply_chat_template(chat, **how)",
        ]
    return [
        'prompt = (tokenizer.bos_token or "") + "Your description" + (tokenizer.sep_token or "\\n")',
        f"asked = tokenizer(prompt, add_special_tokens=False, split_special_tokens=False, {_ASKED})",
    ]
