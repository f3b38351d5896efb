"""Parts of composed programs, carried out."""

import importlib
import re
import textwrap
from functools import cache
from typing import Any

from data.generator.marked import Text

_MODULES = """
argparse base64 copy csv functools hashlib hmac html io ipaddress itertools json logging math operator os re secrets
shlex string threading time types unicodedata uuid zlib ast pathlib posixpath urllib.parse
"""
_NAMES = """
argparse.Namespace collections.ChainMap collections.defaultdict collections.deque collections.namedtuple
configparser.ConfigParser contextlib.ExitStack contextlib.contextmanager contextlib.nullcontext contextlib.suppress
contextvars.ContextVar dataclasses.dataclass dataclasses.replace functools.lru_cache functools.partial
functools.reduce heapq.heappop heapq.heappush html.escape itertools.chain operator.attrgetter operator.itemgetter
pathlib.Path pathlib.PurePosixPath queue.LifoQueue queue.SimpleQueue types.SimpleNamespace typing.NamedTuple
typing.TypedDict urllib.parse.parse_qs urllib.parse.parse_qsl urllib.parse.quote urllib.parse.unquote
urllib.parse.urlencode urllib.parse.urlparse urllib.parse.quote_plus urllib.parse.urlsplit
"""
MODULES, NAMES = _MODULES.split(), _NAMES.split()


@cache
def space() -> dict[str, Any]:
    """Give what composed programs find imported."""
    found: dict[str, Any] = {
        name.partition(".")[0]: importlib.import_module(name.partition(".")[0]) for name in MODULES
    }
    for name in MODULES:
        importlib.import_module(name)
    for name in NAMES:
        module, _, attribute = name.rpartition(".")
        found[attribute] = getattr(importlib.import_module(module), attribute)
    logger = importlib.import_module("logging").getLogger("composed")
    own = {"logger": logger, "log": logger, "TASKS": [], "print": lambda *_: None}
    return (
        found
        | own
        | {"escape_filter_chars": lambda text: re.sub(r"[*()\\\0]", lambda found: f"\\{ord(found[0]):02x}", text)}
    )


def carried_out(helpers: list[list[Text]], body: list[Text], given: dict[str, Any], wanted: str) -> Any:
    """Run lines as the body of a function whose arguments are given, and give the variable that is wanted."""
    above = "\n\n\n".join(joined_lines(helper) for helper in helpers)
    inside = textwrap.indent(joined_lines(body), "    ")
    code = f"{above}\n\n\ndef composed({', '.join(given)}):\n{inside}\n    return {wanted}\n"
    names = dict(space())
    exec(compile(code, "composed", "exec"), names)
    return names["composed"](**given)


def joined_lines(lines: list[Text]) -> str:
    """Write lines under one another."""
    return "\n".join(line.characters for line in lines)
