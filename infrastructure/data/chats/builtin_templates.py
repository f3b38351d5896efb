"""Chat templates that come with the program, for models that have none."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class BuiltinTemplate:
    """A template, and the special tokens that it needs beside those of a model."""

    source: str
    tokens: tuple[str, ...] = ()


# ChatML: each turn between two tokens of its own, its role in the first line. Without {% generation %}, which programs
# other than transformers do not know.
CHATML = BuiltinTemplate(
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    ("<|im_start|>", "<|im_end|>"),
)
# No token that a model has not met: headings, and its own sign of an end behind each answer.
PLAIN = BuiltinTemplate(
    "{% for message in messages %}"
    "{{ '### ' + message['role'] | capitalize + ':\n' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{{ '\n\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '### Assistant:\n' }}{% endif %}"
)

BUILTIN_TEMPLATES: Mapping[str, BuiltinTemplate] = {"chatml": CHATML, "plain": PLAIN}
