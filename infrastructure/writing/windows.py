"""What a model sees of a prompt and the text behind it, where both together are longer than its positions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.generation import GenerationSettings
from infrastructure.writing.ends import TextStream, ended_text

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Window = tuple[list[int], int]  # what is seen of a prompt and its text, and how many tokens may follow
# Writes on from each window, by the number of its prompt.
WriteWindows = Callable[[Mapping[int, Window], TextStream | None], Mapping[int, list[int]]]


@dataclass(frozen=True)
class Places:
    """The places that a model has for tokens, None for no limit: to write in, and of an encoder to read in."""

    writable: int | None
    readable: int | None = None
    is_encoder_decoder: bool = False

    def window(self, seen: list[int], most: int) -> Window:
        """Cut what is seen, of which `most` new tokens may follow.

        What a decoder sees loses its beginning, at most down to half the places. An encoder loses the end of a prompt
        instead, as in training, and the text behind it is as long as the places of its decoder allow.
        """
        if self.is_encoder_decoder:
            return seen[: self.readable], min(most, max(1, self.writable - 1) if self.writable else most)
        if not self.writable:
            return seen, most
        kept = seen[-max(1, self.writable - most, self.writable // 2) :]
        return kept, max(1, min(most, self.writable - len(kept)))


def texts_in_windows(
    tokenizer: "PreTrainedTokenizerBase",
    prompts: Sequence[Sequence[int]],
    settings: GenerationSettings,
    places: Places,
    write: WriteWindows,
    on_text: Callable[[str], None] | None = None,
) -> list[str]:
    """Write on from each prompt, none of them empty, in as many windows as it takes; gives new text alone.

    `on_text` wants a single prompt and is told the text in pieces, at least one and perhaps empty.
    """
    assert on_text is None or len(prompts) == 1, "only a single prompt can be streamed"
    written: list[list[int]] = [[] for _ in prompts]
    stream = TextStream(tokenizer, settings, on_text) if on_text else None

    def goes_on(ids: list[int], room: int) -> bool:
        """Tell whether a text that has filled its window is to be written on in another one."""
        is_full = len(ids) >= settings.max_new_tokens or places.is_encoder_decoder
        return room == 0 and not is_full and not ended_text(tokenizer, ids, settings)[1]

    pending = list(range(len(prompts)))
    while pending:
        windows = {
            index: places.window([*prompts[index], *written[index]], settings.max_new_tokens - len(written[index]))
            for index in pending
        }
        pending = []
        for index, ids in write(windows, stream).items():
            written[index] += ids
            if goes_on(written[index], windows[index][1] - len(ids)):
                pending.append(index)
    texts = [ended_text(tokenizer, ids, settings)[0] for ids in written]
    if stream:
        stream.finish(texts[0])
    return texts
