"""A saved tokenizer, opened without the transformers library: it gives the same ids, and starts in no time."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer

from domain.exceptions import ModelError
from infrastructure.model_files.model_directory import RESTORE, settings_of

RULES, SETTINGS, TEMPLATE = "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"
NAMED = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


class PlainTokenizer:
    """Rules of `tokenizer.json`, and from the settings beside it which tokens are special.

    It has the names that the library gives its own, as far as text and chats are made into ids and back.
    """

    is_fast = True  # it tells which characters a token stands for

    def __init__(self, rules: Tokenizer, settings: Mapping[str, Any]) -> None:
        self.backend_tokenizer = rules
        rules.no_padding()
        named = {name: _spelling(settings.get(name)) for name in NAMED}
        self.special_tokens_map = {name: token for name, token in named.items() if token is not None}
        self._extra = [_spelling(token) for token in _listed(settings.get("extra_special_tokens"))]
        self.truncation_side = str(settings.get("truncation_side", "right"))
        self.chat_template = settings.get("chat_template")

    @classmethod
    def open(cls, directory: Path) -> "PlainTokenizer":
        """Open what a training saved. Raises: ModelError."""
        path = directory / RULES
        settings = settings_of(directory / SETTINGS) if (directory / SETTINGS).is_file() else {}
        try:
            if (directory / TEMPLATE).is_file():
                settings = {**settings, "chat_template": (directory / TEMPLATE).read_text(encoding="utf-8")}
            return cls(Tokenizer.from_file(str(path)), settings)
        except Exception as error:  # the library raises nothing narrower
            raise ModelError(f"{path} cannot be opened: {error}.", remedy=RESTORE) from error

    def __len__(self) -> int:
        return int(self.backend_tokenizer.get_vocab_size(with_added_tokens=True))

    def __getattr__(self, name: str) -> Any:
        """Give `eos_token`, `eos_token_id` and their like, None for one that there is not."""
        if name.removesuffix("_id") not in NAMED:
            raise AttributeError(name)
        token = self.special_tokens_map.get(name.removesuffix("_id"))
        return self.backend_tokenizer.token_to_id(token) if name.endswith("_id") and token is not None else token

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """Tokens beside those of the rules, by their ids."""
        return dict(self.backend_tokenizer.get_added_tokens_decoder())

    @property
    def all_special_tokens(self) -> list[str]:
        """Special tokens that have a name, and those that were added to them."""
        added = (token for token in self._extra if token is not None)
        return list(dict.fromkeys((*self.special_tokens_map.values(), *added)))

    @property
    def all_special_ids(self) -> list[int]:
        """Their ids."""
        found = map(self.backend_tokenizer.token_to_id, self.all_special_tokens)
        return [number for number in found if number is not None]

    def get_added_vocab(self) -> dict[str, int]:
        """Give the ids of tokens beside those of the rules."""
        return {token.content: number for number, token in self.added_tokens_decoder.items()}

    def convert_tokens_to_ids(self, token: str) -> int | None:
        """Give the id of a token, that of what is unknown for none."""
        number = self.backend_tokenizer.token_to_id(token)
        unknown: int | None = self.unk_token_id
        return unknown if number is None else number

    def __call__(
        self,
        text: Sequence[str] | None = None,
        text_target: Sequence[str] | None = None,
        add_special_tokens: bool = True,
        split_special_tokens: bool = False,
        truncation: bool = False,
        max_length: int | None = None,
        return_offsets_mapping: bool = False,
        **_: Any,
    ) -> dict[str, list[Any]]:
        """Give `input_ids` of texts, or of what a decoder learns: one language is known.

        With `return_offsets_mapping` also `offset_mapping`: of each token its first character and the one behind it.
        """
        rules, texts = self.backend_tokenizer, list(text if text is not None else text_target or ())
        rules.encode_special_tokens = split_special_tokens
        if truncation and max_length is not None:
            rules.enable_truncation(max_length, direction=self.truncation_side)
        else:
            rules.no_truncation()
        encoded = rules.encode_batch(texts, add_special_tokens=add_special_tokens)
        found: dict[str, list[Any]] = {"input_ids": [one.ids for one in encoded]}
        return {**found, "offset_mapping": [one.offsets for one in encoded]} if return_offsets_mapping else found

    def decode(
        self, token_ids: Sequence[int], skip_special_tokens: bool = False, clean_up_tokenization_spaces: bool = False
    ) -> str:
        """Give the text of ids."""
        return str(self.backend_tokenizer.decode(list(map(int, token_ids)), skip_special_tokens=skip_special_tokens))


def _listed(tokens: Any) -> list[Any]:
    """Give tokens that settings hold as a list, or by names of their own."""
    return list(tokens.values()) if isinstance(tokens, Mapping) else list(tokens or ())


def _spelling(token: Any) -> str | None:
    """Give a token as it is spelt: settings have it as a text, or as a mapping of what is known of it."""
    found = token.get("content") if isinstance(token, Mapping) else token
    return None if found is None else str(found)
