"""What the cards of models that write say."""

from pydantic import Field

from application.groups.text import MAX_LENGTH_LIMIT
from application.training import WriterTraining
from domain.generation import GenerationSettings
from domain.task import task_named
from infrastructure.data.chats.forms import ChatSought
from infrastructure.model_files.card import FieldNames, ModelCard
from infrastructure.tasks.kind import Card

MOST_BEAMS = 1024
TRAVELLING = ("max_new_tokens", "num_beams", "max_repeats")  # in the card of a model; also names of the request


class WriterCard(ModelCard):
    """What the card of a model that writes says; one that is older than a setting lacks it."""

    max_length: int = Field(ge=1, le=MAX_LENGTH_LIMIT)
    max_new_tokens: int = Field(default=GenerationSettings.max_new_tokens, ge=1)
    num_beams: int = Field(default=1, ge=1, le=MOST_BEAMS)
    max_repeats: int = Field(default=0, ge=0)


class LanguageModelCard(WriterCard):
    """What the card of a model that writes on says; `text_field` names where a row has its text."""

    text_field: FieldNames = None


class PairCard(WriterCard):
    """What the card of a model that writes a text for a text says."""

    source_field: FieldNames = None
    target_field: FieldNames = None
    start_token_id: int | None = None


class CodeCard(PairCard):
    """What the card of a model that writes code says; `of_chats` where it has learnt from chats."""

    of_chats: bool = False


class ChatCard(WriterCard):
    """What the card of a model that answers in chats says."""

    messages_field: FieldNames = None
    source_field: FieldNames = None
    target_field: FieldNames = None

    @property
    def wanted(self) -> ChatSought:
        """Say where chats are looked for."""
        task = task_named(self.task)
        return ChatSought(
            self.sought("messages", ()),
            self.sought("source", task.text_fields),
            self.sought("target", task.target_fields),
        )


def how_to_write(request: WriterTraining) -> Card:
    """Keep with the model how it is to write."""
    return {name: getattr(request, name) for name in TRAVELLING}


def generation_with(card: Card) -> GenerationSettings:
    """Give how a model was told to write.

    Older cards lack `max_repeats`: such a model repeats itself as it did when it was scored.
    """
    return GenerationSettings().changed({name: card[name] for name in TRAVELLING if name in card})
