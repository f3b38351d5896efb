"""Text to ids, for all text of users: what a text spells out is text, and a special token is only what we add.

The library's `split_special_tokens` leaves out the search for special tokens, yet some models of tokenizers have them
among their pieces all the same: a unigram model takes `</s>` for its end, a model of words `[SEP]` for a word.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import BatchEncoding, PreTrainedTokenizerBase

# Stands before the name of a piece that no text is to match.
NOWHERE = "\U0010fffd" * 4

_speller_of: "WeakKeyDictionary[PreTrainedTokenizerBase, _Speller | None]" = WeakKeyDictionary()


def text_ids(
    tokenizer: "PreTrainedTokenizerBase",
    texts: Sequence[str],
    max_length: int | None = None,
    *,
    marks: bool = True,
    as_target: bool = False,
) -> list[list[int]]:
    """Give the ids of texts, at most `max_length` of each, None for all.

    `marks` adds the signs of beginning and end that the tokenizer has; `as_target` asks for the ids that a decoder
    learns, for some tokenizers know two languages. No other special id comes out, but that of what is unknown.
    """
    speller = _speller_for(tokenizer)
    if speller is None:
        return list(_called(tokenizer, texts, max_length, marks, as_target)["input_ids"])
    beginning, end = marks_of(tokenizer, as_target) if marks else ([], [])
    room = None if max_length is None else max(0, max_length - len(beginning) - len(end))
    spelt = speller.ids(texts, as_target)
    cut = [ids[_kept(tokenizer, len(ids), room)] for ids in spelt] if room is not None else spelt
    return [[*beginning, *ids, *end] for ids in cut]


def _speller_for(tokenizer: "PreTrainedTokenizerBase") -> "_Speller | None":
    if tokenizer not in _speller_of:
        _speller_of[tokenizer] = _Speller(tokenizer) if _reads_special_tokens(tokenizer) else None
    return _speller_of[tokenizer]


def _kept(tokenizer: "PreTrainedTokenizerBase", length: int, room: int) -> slice:
    """Give the place of the tokens that stay, where there is room for so many."""
    return slice(max(0, length - room), None) if tokenizer.truncation_side == "left" else slice(room)


def text_places(
    tokenizer: "PreTrainedTokenizerBase", texts: Sequence[str], max_length: int
) -> list[tuple[list[int], list[tuple[int, int]]]]:
    """Give ids as `text_ids` does, and of each the start and the end of its characters in the text.

    Signs of beginning and end have no characters. Only a tokenizer that `knows_places` can tell.
    """
    speller = _speller_for(tokenizer)
    if speller is not None:
        return speller.places(texts, max_length)
    encoded = _called(tokenizer, texts, max_length, True, False, return_offsets_mapping=True)
    return list(zip(encoded["input_ids"], encoded["offset_mapping"], strict=True))


def knows_places(tokenizer: "PreTrainedTokenizerBase") -> bool:
    """Tell whether a tokenizer says which characters each token is made of."""
    return getattr(tokenizer, "backend_tokenizer", None) is not None


class _Speller:
    """Gives ids without marks, none of them special, of a tokenizer that has special tokens among its pieces."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase") -> None:
        self._tokenizer = tokenizer
        self._backend = _without_special_pieces(tokenizer)
        self._spelling = (
            {} if self._backend else {number: _spelt(tokenizer, number) for number in special_tokens(tokenizer)}
        )

    def ids(self, texts: Sequence[str], as_target: bool) -> list[list[int]]:
        """Encode texts."""
        if self._backend is not None:
            return [encoding.ids for encoding in self._backend.encode_batch(list(texts), add_special_tokens=False)]
        encoded = _called(self._tokenizer, texts, None, False, as_target)["input_ids"]
        return [[part for number in ids for part in self._spelling.get(number, [number])] for ids in encoded]

    def places(self, texts: Sequence[str], max_length: int) -> list[tuple[list[int], list[tuple[int, int]]]]:
        """Encode texts with the signs of beginning and end, and give the characters of each token."""
        assert self._backend is not None, "only a tokenizer that knows places is asked"
        beginning, end = marks_of(self._tokenizer)
        room = max(0, max_length - len(beginning) - len(end))
        found = []
        for encoding in self._backend.encode_batch(list(texts), add_special_tokens=False):
            kept = _kept(self._tokenizer, len(encoding.ids), room)
            places = [*[(0, 0)] * len(beginning), *encoding.offsets[kept], *[(0, 0)] * len(end)]
            found.append(([*beginning, *encoding.ids[kept], *end], places))
        return found


def _called(
    tokenizer: "PreTrainedTokenizerBase",
    texts: Sequence[str],
    max_length: int | None,
    marks: bool,
    as_target: bool,
    **wanted: Any,
) -> "BatchEncoding":
    given: dict[str, Any] = {"text_target" if as_target else "text": list(texts)}
    encoded: BatchEncoding = tokenizer(
        **given,
        **wanted,
        add_special_tokens=marks,
        split_special_tokens=True,
        truncation=max_length is not None,
        max_length=max_length,
        return_attention_mask=False,
        return_token_type_ids=False,
        verbose=False,
    )
    return encoded


def special_tokens(tokenizer: "PreTrainedTokenizerBase") -> dict[int, str]:
    """Give the special tokens by their ids, without the one that stands for what is unknown."""
    named = zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True)
    added = ((number, token.content) for number, token in tokenizer.added_tokens_decoder.items() if token.special)
    return {number: str(token) for number, token in (*added, *named) if number != tokenizer.unk_token_id}


def _reads_special_tokens(tokenizer: "PreTrainedTokenizerBase") -> bool:
    special = special_tokens(tokenizer)
    unknown = [] if tokenizer.unk_token is None else [str(tokenizer.unk_token)]
    texts = [text for token in (*special.values(), *unknown) for text in (token, f" {token}", f"a{token}")]
    found = _called(tokenizer, texts, None, False, False)["input_ids"] if texts else []
    return any(number in special for ids in found for number in ids)


def marks_of(tokenizer: "PreTrainedTokenizerBase", as_target: bool = False) -> tuple[list[int], list[int]]:
    """Give what the tokenizer puts before and behind a text."""
    (plain,), (marked,) = (_called(tokenizer, ["a"], None, m, as_target)["input_ids"] for m in (False, True))
    for start in range(len(marked) - len(plain) + 1):
        if marked[start : start + len(plain)] == plain:
            return marked[:start], marked[start + len(plain) :]
    return [], []


def _without_special_pieces(tokenizer: "PreTrainedTokenizerBase") -> "Tokenizer | None":
    """Copy the rules of a fast tokenizer with its special tokens renamed to what no text holds; None for a slow one."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return None
    rules = json.loads(backend.to_str())
    rules["truncation"] = rules["padding"] = rules["post_processor"] = None
    special = {*special_tokens(tokenizer).values(), str(tokenizer.unk_token)}

    def renamed(token: str) -> str:
        return f"{NOWHERE}{token}" if token in special else token

    for added in rules["added_tokens"]:
        added["content"] = renamed(added["content"])
    model = rules["model"]
    if isinstance(model["vocab"], dict):
        model["vocab"] = {renamed(token): number for token, number in model["vocab"].items()}
    else:
        model["vocab"] = [[renamed(token), score] for token, score in model["vocab"]]
    if "merges" in model:
        merges = (pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"])
        model["merges"] = [pair for pair in merges if not special & {*pair, "".join(pair)}]
    if isinstance(model.get("unk_token"), str):
        model["unk_token"] = renamed(model["unk_token"])
    copy: Tokenizer = type(backend).from_str(json.dumps(rules, allow_nan=False))
    copy.encode_special_tokens = True
    return copy


def _spelt(tokenizer: "PreTrainedTokenizerBase", number: int) -> list[int]:
    """Spell a special token with the ids of its parts, or with that of what is unknown."""
    special = special_tokens(tokenizer)
    token = special[number]
    for end in range(1, len(token)):
        head, tail = _called(tokenizer, [token[:end], token[end:]], None, False, False)["input_ids"]
        ids = [*head, *tail]
        if not set(ids) & set(special):
            return ids
    return [] if tokenizer.unk_token_id is None else [tokenizer.unk_token_id]
