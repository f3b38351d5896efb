"""What a model would be asked, as texts."""

from domain.reading import AS_FOUND, Reading
from infrastructure.data.sources.fields import Say, Sought
from infrastructure.data.sources.inputs import Asked, Source, read_inputs


def asked_texts(path: str, text: Sought, reading: Reading = AS_FOUND, say: Say = lambda sentence: None) -> list[str]:
    """Give the texts of a file, or of standard input for `-`; a bad row is none of them."""
    return [row.text for row in read_inputs(Source(path), text, reading, say) if isinstance(row, Asked)]
