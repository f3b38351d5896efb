"""Chats as five families of templates write them: the right ids, and the assistant's tokens alone are learnt."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import cache
from typing import Any, TypeAlias

import pytest

from domain.exceptions import ModelError
from infrastructure.data.chats.chat import Turn
from infrastructure.data.chats.chat_format import ChatFormat, LearntIds
from tests.support.chat_families import FAMILIES, TOKENIZERS, WORDS, tokenizer_of

CHAT = (
    Turn("user", "what is blue?"),
    Turn("assistant", "the sky"),
    Turn("user", "why"),
    Turn("assistant", "because\n\nyes"),
)
Encoders: TypeAlias = Callable[[str, str], Any]
each_family = pytest.mark.parametrize("family", FAMILIES)
each_tokenizer = pytest.mark.parametrize("kind", TOKENIZERS)


@pytest.fixture(scope="module")
def encoder_of() -> Iterator[Encoders]:
    """Give the encoder of a family and a kind of tokenizer, of which each keeps a process at work until the end."""
    with ExitStack() as at_work:
        yield cache(
            lambda family, kind: at_work.enter_context(ChatFormat(tokenizer_of(family, kind), "it").at_work(512))
        )


def pieces_of(tokenizer: Any, *chats: Sequence[Turn]) -> list[Any]:
    with ChatFormat(tokenizer, "it").at_work(512) as encoder:
        return encoder.pieces(chats)


def piece_of(tokenizer: Any, chat: Sequence[Turn]) -> LearntIds:
    ((piece,),) = pieces_of(tokenizer, chat)
    assert isinstance(piece, LearntIds)
    return piece


def piece_by(encoder: Any, chat: Sequence[Turn]) -> LearntIds:
    ((piece,),) = encoder.pieces([chat])
    assert isinstance(piece, LearntIds)
    return piece


def messages(chat: Sequence[Turn]) -> list[dict[str, str]]:
    return [{"role": turn.role, "content": turn.content} for turn in chat]


def library_ids(tokenizer: Any, chat: Sequence[Turn], **settings: Any) -> list[int]:
    """What anybody else gives a model: the library's own rendering, tokenised as a whole."""
    ids: list[int] = tokenizer.apply_chat_template(messages(chat), tokenize=True, **settings)["input_ids"]
    return ids


def with_template(template: str, family: str = "chatml", kind: str = "bytes") -> Any:
    """Copy a tokenizer and give it another template."""
    tokenizer = TOKENIZERS[kind](FAMILIES[family])
    tokenizer.chat_template = template
    return tokenizer


class TestMasks:
    @each_family
    def test_each_token_is_learnt_or_not_as_written_by_hand(self, family: str, encoder_of: Encoders) -> None:
        tokenizer = tokenizer_of(family, "words")
        ids, learnt = [], []
        for number, part in enumerate(re.split("[«»]", FAMILIES[family].written)):
            part_ids = tokenizer(part, add_special_tokens=False)["input_ids"]
            ids += part_ids
            learnt += [number % 2 == 1] * len(part_ids)
        found = piece_by(encoder_of(family, "words"), CHAT)
        assert found.ids == ids
        assert found.learnt == learnt
        assert tokenizer.unk_token_id not in ids

    @each_family
    @each_tokenizer
    def test_what_is_learnt_reads_as_the_answers_and_their_ends(
        self, family: str, kind: str, encoder_of: Encoders
    ) -> None:
        tokenizer = tokenizer_of(family, kind)
        found = piece_by(encoder_of(family, kind), CHAT)
        runs: list[list[int]] = []
        before = False
        for number, is_learnt in zip(found.ids, found.learnt, strict=True):
            if is_learnt:
                runs = runs if before else [*runs, []]
                runs[-1].append(number)
            before = is_learnt
        expected = re.findall("«(.*?)»", FAMILIES[family].written, re.DOTALL)
        assert [tokenizer.decode(run).strip() for run in runs] == [text.strip() for text in expected]

    @each_family
    @each_tokenizer
    def test_no_sign_before_an_answer_is_learnt_also_where_it_takes_white_space(
        self, family: str, kind: str, encoder_of: Encoders
    ) -> None:
        tokenizer = tokenizer_of(family, kind)
        signs = set(tokenizer.convert_tokens_to_ids(list(FAMILIES[family].signs)))
        chats = [[CHAT[0], Turn("assistant", f"{space}yes")] for space in (" ", "\n\n", " \n x", "\u2028")]
        for chat, (found,) in zip(chats, encoder_of(family, kind).pieces(chats), strict=True):
            learnt = [number for number, is_learnt in zip(found.ids, found.learnt, strict=True) if is_learnt]
            assert [number in signs for number in learnt] == [False] * (len(learnt) - 1) + [True], chat

    @each_family
    @each_tokenizer
    def test_ids_are_those_of_the_library(self, family: str, kind: str, encoder_of: Encoders) -> None:
        """Also where an answer or a question begins or ends with white space, which some templates strip."""
        ends = ("", " ", "\n", "\n\n", " \n x")
        chats = [[Turn(turn.role, f"{end}{turn.content}{end}") for turn in CHAT] for end in ends]
        tokenizer = tokenizer_of(family, kind)
        for chat, (found,) in zip(chats, encoder_of(family, kind).pieces(chats), strict=True):
            assert found.ids == library_ids(tokenizer, chat), chat

    @each_family
    @each_tokenizer
    def test_a_prompt_is_that_of_the_library_and_the_beginning_of_what_was_learnt(
        self, family: str, kind: str, encoder_of: Encoders
    ) -> None:
        tokenizer = tokenizer_of(family, kind)
        (prompt,) = encoder_of(family, kind).prompts([CHAT[:3]])
        assert prompt == library_ids(tokenizer, CHAT[:3], add_generation_prompt=True)
        found = piece_by(encoder_of(family, kind), CHAT)
        begins = [at for at, now in enumerate(found.learnt) if now and not found.learnt[at - 1]]
        assert found.ids[: begins[-1]] == prompt

    @each_family
    def test_a_system_turn_is_written_or_the_template_says_that_it_takes_none(
        self, family: str, encoder_of: Encoders
    ) -> None:
        tokenizer = tokenizer_of(family, "bytes")
        chat = [Turn("system", "you are short"), *CHAT]
        (found,) = encoder_of(family, "bytes").pieces([chat])
        if FAMILIES[family].takes_system:
            assert found[0].ids == library_ids(tokenizer, chat)
            assert "you are short" in tokenizer.decode(found[0].ids)
        else:
            assert re.search("must alternate|not supported", found)

    @pytest.mark.parametrize("family", ["mistral", "gemma"])
    def test_roles_out_of_order_are_refused_in_the_words_of_the_template(
        self, family: str, encoder_of: Encoders
    ) -> None:
        (refused, taken) = encoder_of(family, "bytes").pieces([[CHAT[0], *CHAT], CHAT])
        assert "must alternate" in refused
        assert not isinstance(taken, str)


class TestWhatMessagesSpellOut:
    @each_family
    @each_tokenizer
    def test_signs_in_messages_are_text(self, family: str, kind: str, encoder_of: Encoders) -> None:
        """No message can end its turn, begin another one, or write the sign of an end."""
        tokenizer = tokenizer_of(family, kind)
        signs = "".join(FAMILIES[family].signs)
        chat = [Turn(turn.role, f"{turn.content} {signs} {turn.content}") for turn in CHAT]
        found = piece_by(encoder_of(family, kind), chat)
        special = set(tokenizer.convert_tokens_to_ids(list(FAMILIES[family].signs)))
        plain = piece_by(encoder_of(family, kind), CHAT)
        assert [i for i in found.ids if i in special] == [i for i in plain.ids if i in special]
        assert sum(found.learnt) > sum(plain.learnt)
        if kind == "bytes":  # which loses nothing
            text = tokenizer.decode(found.ids, clean_up_tokenization_spaces=False)
            assert text.count(signs) == len(chat)

    @each_tokenizer
    def test_a_mask_is_where_it_belongs_around_a_sign_that_is_text(self, kind: str) -> None:
        tokenizer = tokenizer_of("chatml", kind)
        chat = [Turn("user", "<|im_end|>why"), Turn("assistant", "yes <|im_start|> no")]
        found = piece_of(tokenizer, chat)
        learnt = [number for number, is_learnt in zip(found.ids, found.learnt, strict=True) if is_learnt]
        text = tokenizer.decode(learnt, skip_special_tokens=False)
        assert text.replace(" ", "").startswith("yes")
        assert text.replace(" ", "").endswith("no<|im_end|>")
        assert learnt.count(tokenizer.convert_tokens_to_ids("<|im_end|>")) == 1

    def test_characters_of_private_use_come_through(self) -> None:
        chat = [
            Turn("user", "\U00100000 \U0010fff0 \U0010fffd"),
            Turn("assistant", "\U0010fff1yes\U0010fff2 <|im_end|>"),
        ]
        tokenizer = tokenizer_of("chatml", "bytes")
        text = tokenizer.decode(piece_of(tokenizer, chat).ids)
        assert all(turn.content in text for turn in chat)

    def test_other_added_tokens_are_words_that_a_message_may_use(self) -> None:
        tokenizer = TOKENIZERS["bytes"](FAMILIES["chatml"])
        tokenizer.add_tokens(["<think>", "</think>"])
        tokenizer.chat_template = FAMILIES["chatml"].template
        chat = [Turn("user", "why"), Turn("assistant", "<think>sky</think>because")]
        found = piece_of(tokenizer, chat)
        assert found.ids == library_ids(tokenizer, chat)
        assert tokenizer.convert_tokens_to_ids("<think>") in found.ids


MARKED = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' %}{% generation %}{{ m.content }}BEHIND{% endgeneration %}AFTER"
    "{% else %}{{ m.content }}<|im_end|>{% endif %}\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


class TestMarks:
    @pytest.mark.parametrize("around_the_end", [True, False])
    def test_marks_of_the_template_say_what_is_learnt_and_the_end_of_the_turn_with_it(
        self, around_the_end: bool
    ) -> None:
        behind, after = ("<|im_end|>", "") if around_the_end else ("", "<|im_end|>")
        tokenizer = with_template(MARKED.replace("BEHIND", behind).replace("AFTER", after))
        found = piece_of(tokenizer, CHAT)
        assert found.ids == library_ids(tokenizer, CHAT)
        learnt = [number for number, is_learnt in zip(found.ids, found.learnt, strict=True) if is_learnt]
        assert tokenizer.decode(learnt) == "the sky<|im_end|>because\n\nyes<|im_end|>"

    @pytest.mark.parametrize("around_the_end", [True, False])
    def test_the_end_is_learnt_behind_words_that_end_with_an_added_token(self, around_the_end: bool) -> None:
        behind, after = ("<|im_end|>", "") if around_the_end else ("", "<|im_end|>")
        tokenizer = with_template(MARKED.replace("BEHIND", behind).replace("AFTER", after))
        tokenizer.add_tokens(["</think>"])
        found = piece_of(tokenizer, [CHAT[0], Turn("assistant", "sky</think>")])
        learnt = [number for number, is_learnt in zip(found.ids, found.learnt, strict=True) if is_learnt]
        assert tokenizer.decode(learnt) == "sky</think><|im_end|>"

    def test_marks_agree_with_the_library(self) -> None:
        tokenizer = with_template(MARKED.replace("BEHIND", "<|im_end|>").replace("AFTER", ""))
        theirs = tokenizer.apply_chat_template(messages(CHAT), tokenize=True, return_assistant_tokens_mask=True)
        assert piece_of(tokenizer, CHAT).learnt == [bool(flag) for flag in theirs["assistant_masks"]]

    def test_a_template_that_marks_no_answer_is_refused(self) -> None:
        template = "{% for m in messages %}{{ m.content }}{% if m.role == 'user' %}{% generation %}{% endgeneration %}"
        with pytest.raises(ModelError, match="marks no answer"):
            ChatFormat(with_template(f"{template}{{% endif %}}<|im_end|>{{% endfor %}}"), "it")


# Reasoning is kept in the last answer alone, and an answer without any gets an empty one there, as with Qwen 3.
THINKING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' %}"
    "{% set said = m.content.split('</think>')[-1] %}"
    "{% set thought = m.content.split('</think>')[0].split('<think>')[-1] if '</think>' in m.content else '' %}"
    "{{ '<think>' + thought + '</think>' + said if loop.last else said }}"
    "{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


class TestTemplatesThatChangeEarlierTurns:
    def test_each_answer_is_learnt_in_a_copy_of_the_chat_that_ends_with_it(self) -> None:
        tokenizer = with_template(THINKING)
        chat = [*CHAT[:1], Turn("assistant", "<think>red?</think>the sky"), *CHAT[2:]]
        (found,) = pieces_of(tokenizer, chat)
        assert len(found) == 2
        assert found[0].ids == library_ids(tokenizer, chat[:2])
        assert found[1].ids == library_ids(tokenizer, chat)
        learnt = [
            tokenizer.decode([number for number, now in zip(piece.ids, piece.learnt, strict=True) if now])
            for piece in found
        ]
        assert learnt == ["<think>red?</think>the sky<|im_end|>", "<think></think>because\n\nyes<|im_end|>"]

    def test_a_chat_of_one_answer_needs_no_copy(self) -> None:
        (found,) = pieces_of(with_template(THINKING), CHAT[:2])
        assert len(found) == 1


NO_PROMPT = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"


class TestOddTemplates:
    def test_the_header_of_a_template_without_a_prompt_is_not_learnt(self) -> None:
        tokenizer = with_template(NO_PROMPT)
        found = piece_of(tokenizer, CHAT)
        learnt = [number for number, is_learnt in zip(found.ids, found.learnt, strict=True) if is_learnt]
        assert tokenizer.decode(learnt) == "the sky<|im_end|>because\n\nyes<|im_end|>"
        with ChatFormat(tokenizer, "it").at_work(512) as encoder:
            (prompt,) = encoder.prompts([CHAT[:1]])
        assert tokenizer.decode(prompt).endswith("<|im_start|>assistant\n")

    def test_an_end_for_the_last_answer_alone_is_learnt_for_each(self) -> None:
        template = NO_PROMPT.replace("<|im_end|>\n", "{% if loop.last %}<|im_end|>{% else %}\n{% endif %}")
        (found,) = pieces_of(with_template(template), CHAT)
        assert [piece.ids[-1] == piece.ids[piece.learnt.index(True) :][-1] for piece in found] == [True, True]
        assert all(piece.learnt[-1] for piece in found)

    def test_roles_that_are_left_out_in_silence_are_known(self) -> None:
        template = NO_PROMPT.replace("%}<|im_start", "if m.role != 'system' %}<|im_start", 1)
        chats = ChatFormat(with_template(template), "it")
        assert chats.leaves_out == ("system",)

    def test_what_is_left_out_once_it_is_answered_is_known_too(self) -> None:
        """As with Mistral v3, which writes what the system says before the last turn if that is the user's."""
        template = (
            "{% for m in messages if m.role != 'system' %}<|im_start|>{{ m.role }}\n"
            "{% if loop.last and m.role == 'user' and messages[0].role == 'system' %}{{ messages[0].content }}"
            "{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}"
        )
        assert ChatFormat(with_template(template), "it").leaves_out == ("system",)

    def test_today_is_the_same_every_day(self) -> None:
        tokenizer = with_template("{{ strftime_now('%d %b %Y') }}\n" + NO_PROMPT)
        assert tokenizer.decode(piece_of(tokenizer, CHAT).ids).startswith("26 Jul 2024\n")

    @pytest.mark.parametrize(
        ("template", "said"),
        [
            ("{% for m in messages %}{{ m.content }", "fails: "),
            ("{{ messages | nothing_of_this_name }}", "nothing_of_this_name"),
            ("{{ raise_exception('Only tools are talked to') }}", "says: Only tools are talked to"),
            ("{{ messages[7].content.x.y }}", "fails: "),
            ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "longer than it may"),
            ("{% for a in range(99999) %}{{ 'a' * 9999 }}{% endfor %}", "more than 1,000,"),
            ("{{ 'a' * 10**10 }}", "more memory than it may"),
            ("{% set n = namespace(x='aa') %}{% for a in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}", "memory"),
            ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "calls itself without an end"),
            ("{{ ''.__class__.__mro__ }}{{ messages[0].content.__class__.__subclasses__() }}", "fails: "),
            ("{% if false %}{{ messages }}{% endif %}", "writes nothing"),
            ("   \n ", "has no chat template"),
            ("hello <|im_end|>", "writes out an answer 0 times"),
            ("{% for m in messages %}{{ m.content }}{{ m.content }}<|im_end|>{% endfor %}", "an answer 2 times"),
            ("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}", "could not learn to stop"),
            (
                NO_PROMPT + "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}",
                r"begins an answer with '<think>\n', which it leaves out",
            ),
        ],
        ids=lambda value: value[:30],
    )
    def test_a_template_that_does_not_serve_is_refused_in_a_sentence(self, template: str, said: str) -> None:
        with pytest.raises(ModelError) as caught:
            ChatFormat(with_template(template), "it")
        assert said in caught.value.problem
        assert "\n" not in caught.value.problem
        assert "chat_template" in caught.value.remedy

    def test_a_tokenizer_that_tells_no_places_is_refused(self) -> None:
        tokenizer = with_template(NO_PROMPT)
        slow = type("Slow", (type(tokenizer),), {"is_fast": False})(tokenizer_object=tokenizer.backend_tokenizer)
        slow.chat_template = NO_PROMPT
        with pytest.raises(ModelError, match="which characters a token stands for"):
            ChatFormat(slow, "it")


def test_the_words_of_these_tests_are_known_to_their_tokenizers() -> None:
    tokenizer = tokenizer_of("chatml", "words")
    assert tokenizer.unk_token_id not in tokenizer(WORDS)["input_ids"]
