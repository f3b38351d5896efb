"""The run file: a request as YAML, read with suspicion."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from application.groups.data import RunSettings
from application.groups.known import NAMES
from application.training_request import TrainModelRequest
from domain.exceptions import ConfigurationError
from domain.showing import shown
from infrastructure.plain_files import read_plain

MAX_BYTES = 2 << 20
# Ours nest two deep: a setting, and the items of it.
MAX_DEPTH = 16
MAX_DIGITS = 400
_LINES = "Write `name: value` lines."


def read_request(path: Path) -> TrainModelRequest:
    """Read a run file. Raises: ConfigurationError naming file, line or setting, and the way out."""
    return TrainModelRequest(**read_settings(path))


def read_settings(path: Path, called: str = "run file") -> dict[str, Any]:
    """Read a file of `name: value` lines, which messages call so. Raises: ConfigurationError naming file and line."""
    text = _text(path, called)
    try:
        if fault := next(_faults(text), ""):
            raise ConfigurationError(f"{path}{fault}")
        values = _values(text, path)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}" if mark is not None else ""
        raise ConfigurationError(f"{path}{place} is not YAML.", remedy=_LINES) from error
    except (ValueError, LookupError, ArithmeticError, AttributeError, TypeError, RecursionError) as error:
        # PyYAML lets through whatever its conversions meet: `!!bool x` is a KeyError.
        raise ConfigurationError(f"{path} has a value that is no number or date.", remedy="Correct it.") from error
    if not isinstance(values, dict):
        raise ConfigurationError(f"{path} holds no settings.", remedy=_LINES)
    return {str(name): value for name, value in values.items()}


def dump_request(request: RunSettings) -> str:
    """Write a request, or a training, as YAML that `--config` reads."""
    known = request.model_dump()
    values = {name: known[name] for name in NAMES if name in known}
    text: str = yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    if "\x85" in text:  # PyYAML writes this line end bare and reads it as a blank
        text = yaml.dump(values, Dumper=_Dumper, sort_keys=False)
    return text


class _Dumper(yaml.SafeDumper):
    """Writes a value that stands in two places twice, because `read_request` takes no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


class _Loader(yaml.SafeLoader):
    """Makes plain values only, and refuses what YAML takes without a word: a name given twice, a bomb of digits."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for name in (name for name, _ in node.value if isinstance(name, yaml.ScalarNode)):
            if name.value in seen:
                raise ConfigurationError(
                    f"{self.name}:{name.start_mark.line + 1} gives {shown(name.value)} a second time.",
                    remedy="Keep one of the two.",
                )
            seen.add(name.value)
        return super().construct_mapping(node, deep)


def _number(loader: _Loader, node: yaml.ScalarNode) -> int:
    if len(node.value) > MAX_DIGITS:
        raise ConfigurationError(
            f"{loader.name}:{node.start_mark.line + 1} has a number of {len(node.value):,} digits.",
            remedy="Correct it.",
        )
    number: int = loader.construct_yaml_int(node)
    return number


_Loader.add_constructor("tag:yaml.org,2002:int", _number)


def _values(text: str, path: Path) -> Any:
    loader = _Loader(text)
    loader.name = str(path)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _text(path: Path, called: str) -> str:
    try:
        return read_plain(path, MAX_BYTES)
    except FileNotFoundError as error:
        raise ConfigurationError(f"{called} {path} does not exist.", remedy="Check the path.") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{called} {path} cannot be read: it is not UTF-8.", remedy="Give a YAML text file."
        ) from error
    except (OSError, ValueError) as error:  # a ValueError is a path with a NUL in it
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(
            f"{called} {path} cannot be read: {reason}.", remedy="Give a YAML text file."
        ) from error


def _faults(text: str) -> Iterator[str]:
    """Yield what a run file may not hold, before anything is built of it: this takes no more time than its bytes."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = f":{event.start_mark.line + 1}" if event.start_mark else ""
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            yield f"{line} has an anchor or an alias (& or *), which run files do not take. Write the value out."
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                yield f"{line} nests more than {MAX_DEPTH} deep. {_LINES}"
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.ScalarEvent) and event.implicit[0] and event.value == "<<":
            yield f"{line} has a merge key (<<), which run files do not take. Write the settings out."
