"""Texts that do harm, by kind, and how to see that one could: what guards of composed programs are tried on."""

import posixpath
import shlex
from collections.abc import Callable
from urllib.parse import urlsplit

HOSTILE: dict[str, tuple[str, ...]] = {
    "html": ("a<script>go()</script>", '"><img src=x onerror=go()>', "a\n<b>", "x <i>/../<u>'"),
    "shell": ("a; reboot", "a$(reboot)", "x | sh", "a && id", "a\nid", "1/x; id '(*"),
    "sql": ("x' OR '1'='1", "a'; DROP TABLE users --", "a/x' OR 1 = 1 --\n", "1<2' OR '(*"),
    "path": ("../../etc/passwd", "/etc/passwd", "a/../../../b", "x/../../a b; '\"<(*\n/e"),
    "line": ("a\r\nSet-Cookie: b=1", "a\nERROR root logged in", "x/y'\n<(*"),
    "url": (
        "https://evil.example/a",
        "//evil.example/a",
        "http://169.254.169.254/meta",
        "x://evil.example/?a=<'(*; id",
    ),
    "ldap": ("*)(uid=*", "admin)(|(a=*", "a/x<'*)(b=*\n"),
    "xpath": ("a' or '1'='1", "x'] | //user['", "a/x<' or (*\n1 = '1"),
    "code": (
        "__import__('os').system('id')",
        "a/__import__('os').remove('<x>')",
        "x.__class__.mro()\n",
        "open('notes').read()",
    ),
    "amount": ("999999999", "100000"),
    "secret": ("Tr0ub4dor-hunter2", "hunter2"),
}


def harms(kind: str, value: object) -> bool:
    """Tell whether a text can still do what texts of a kind are made to do."""
    return _HARMS[kind](str(value))


def _shell(text: str) -> bool:
    words = shlex.shlex(f"cmd {text}", posix=True, punctuation_chars=True)
    words.whitespace_split = True
    try:
        return len(list(words)) != 2
    except ValueError:
        return True


def _path(text: str) -> bool:
    return not posixpath.normpath(posixpath.join("/srv/data", text)).startswith("/srv/data")


_HARMS: dict[str, Callable[[str], bool]] = {
    "html": lambda text: "<" in text,
    "shell": _shell,
    "sql": lambda text: "'" in text.replace("''", ""),
    "path": _path,
    "line": lambda text: "\n" in text or "\r" in text,
    "url": lambda text: (
        bool(urlsplit(text).netloc) and not text.startswith(("https://example.org", "https://example.com"))
    ),
    "ldap": lambda text: bool(set(text) & set("()*")),
    "xpath": lambda text: "'" in text or '"' in text,
    "code": lambda text: "(" in text,
    "amount": lambda text: int(text) > 1_000,
    "secret": lambda text: "hunter2" in text,
}
