"""What a person may name as a source: a directory, or the address of a git repository with a commit."""

import re
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit

from domain.exceptions import ConfigurationError
from domain.source_address import Address

SCHEMES = ("https", "ssh", "file")
UNENCRYPTED = ("http", "git", "ftp")
LONGEST_ADDRESS = 2_000
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?://|:)")
# As scp writes it: git@github.com:owner/name.git
_SCP = re.compile(r"(?P<user>[A-Za-z0-9_][A-Za-z0-9_.-]*)@(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*):(?P<path>[^:@][^@]*)")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
# What git calls a commit, a tag or a branch, and none of the signs by which it computes one from another.
_REVISION = re.compile(r"(?!-)(?!.*(?:\.\.|//))[A-Za-z0-9_.+/=-]{1,250}(?<![./])")
_WAYS = "Give a directory, https://HOST/OWNER/NAME, ssh://git@HOST/OWNER/NAME or file:///PATH, with @COMMIT behind it."


def address_of(given: str) -> Address:
    """Read what was named as a source. Raises: ConfigurationError, in which no password stands."""
    if not given or len(given) > LONGEST_ADDRESS or any(ord(letter) < 32 or ord(letter) == 127 for letter in given):
        raise ConfigurationError(f"a source is {_what(given)}, which names nothing.", remedy=_WAYS)
    if _SCHEME.match(given):
        return _of_url(given)
    if not Path(given).exists():
        if found := _SCP.match(given):
            return _of_scp(given, found)
        place, pin = _pinned(given)
        if pin and Path(place).exists():
            return _of_directory(place, pin)
    return _of_directory(given, "")


def _what(given: str) -> str:
    if not given:
        return "empty"
    return "too long" if len(given) > LONGEST_ADDRESS else "written with control characters"


def _of_url(given: str) -> Address:
    scheme = given.partition(":")[0].lower()
    if scheme in UNENCRYPTED:
        raise ConfigurationError(
            f"a source begins with {scheme}:, which is not encrypted: anybody on the way can change what is read.",
            remedy=_WAYS,
        )
    if scheme not in SCHEMES or not given[len(scheme) :].startswith("://"):
        raise ConfigurationError(
            f"a source begins with {scheme}:, which is no way to a repository that is taken.", remedy=_WAYS
        )
    try:
        parts = urlsplit(given)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:  # which may quote what stands behind a colon, and that may be a password
        raise ConfigurationError(
            f"a source of {scheme} is no address: its host or port cannot be read.",
            remedy=f"{_WAYS} In a user or a password write / as %2F, ? as %3F and # as %23.",
        ) from error
    if parts.query or parts.fragment:
        raise ConfigurationError(
            f"the source {scheme}://{host}{parts.path} has a ? or # behind it, which addresses of repositories lack.",
            remedy="Leave it out, and put a commit behind an @.",
        )
    path, pin = _pinned(parts.path)
    if scheme == "file":
        return _of_file_url(host, unquote(path), pin)
    bracketed = f"[{host}]" if ":" in host else host
    if not _HOST.fullmatch(bracketed) or not path.strip("/") or _is_odd(path):
        raise ConfigurationError(f"the source {scheme}://{host}{path} names no repository.", remedy=_WAYS)
    place = f"{bracketed}{f':{port}' if port else ''}{path}"
    project = f"{host}/{_stem(path)}"
    of_scheme = _of_ssh if scheme == "ssh" else _of_https
    return of_scheme(parts, place, project, pin)


def _of_ssh(parts: SplitResult, place: str, project: str, pin: str) -> Address:
    if parts.password:
        raise ConfigurationError(f"the source ssh://{place} has a password.", remedy="Use a key, and leave it out.")
    if parts.username and not _USER.fullmatch(parts.username):
        raise ConfigurationError(f"the source ssh://{place} has a user that is no name.", remedy=_WAYS)
    url = f"ssh://{f'{parts.username}@' if parts.username else ''}{place}"
    return Address(url, project, url=url, pin=_required(pin, url))


def _of_https(parts: SplitResult, place: str, project: str, pin: str) -> Address:
    url = f"https://{place}"
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if any(ord(letter) < 32 for letter in user + password):
        raise ConfigurationError(f"the source {url} has control characters in its user or password.", remedy=_WAYS)
    return Address(url, project, url=url, pin=_required(pin, url), user=user, password=password)


def _of_scp(given: str, found: re.Match[str]) -> Address:
    path, pin = found["path"], given[found.end() + 1 :]
    if _is_odd(path) or not path.strip("/"):
        raise ConfigurationError(f"the source {given} names no repository.", remedy=_WAYS)
    url = f"ssh://{found['user']}@{found['host']}/{path.lstrip('/')}"
    return Address(url, f"{found['host']}/{_stem(path)}", url=url, pin=_required(pin, url))


def _of_file_url(host: str, path: str, pin: str) -> Address:
    if host not in ("", "localhost"):
        raise ConfigurationError(
            f"the source file://{host}{path} names another machine.", remedy="Write file:/// before an absolute path."
        )
    url = f"file://{quote(path)}"
    if not path.startswith("/") or not Path(path).is_dir():
        raise ConfigurationError(f"{url} is no directory.", remedy="Check the path, which must be absolute.")
    if not is_repository(Path(path)):
        raise ConfigurationError(
            f"{url} is no git repository.", remedy="Give the root of one, or the directory without file://."
        )
    project = Path(path.rstrip("/")).name.removesuffix(".git") or "repository"
    return Address(url, project, url=url, pin=_required(pin, url))


def _of_directory(given: str, pin: str) -> Address:
    place = Path(given)
    try:
        if not place.is_dir():
            problem = f"{given} is a file" if place.exists() else f"{_without_password(given)} does not exist"
            raise ConfigurationError(f"{problem}, but a source is a directory or a repository.", remedy=_WAYS)
        whole = place.resolve()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{given} cannot be a source: {error}.", remedy=_WAYS) from error
    project = whole.name.removesuffix(".git") or "root"
    if is_repository(whole):
        url = f"file://{quote(str(whole))}"
        return Address(given, project, directory=whole, url=url, pin=_required(pin, given) if pin else "")
    if pin:
        raise ConfigurationError(
            f"{given} is no git repository, and has no commit {pin}.", remedy="Leave the commit out."
        )
    return Address(given, project, directory=whole)


def _without_password(given: str) -> str:
    """Hide what stands between a colon and an @: an address that is written wrongly is taken for a directory."""
    return re.sub(r":[^@]*@", ":...@", given)


def is_repository(place: Path) -> bool:
    """Tell whether a directory is the root of a repository, or a bare one.

    A file or a link called .git leads elsewhere, where nobody said that anything may be read.
    """
    git = place / ".git"
    home = git if git.is_dir() and not git.is_symlink() else place
    return (home / "HEAD").is_file() and (home / "objects").is_dir() and (home / "refs").is_dir()


def _pinned(path: str) -> tuple[str, str]:
    """Take what stands behind the last @ for a commit, unless a folder begins with it."""
    place, sign, pin = path.rpartition("@")
    return (place, pin or "@") if sign and place and not place.endswith("/") else (path, "")


def _required(pin: str, shown: str) -> str:
    if pin and not _REVISION.fullmatch(pin):
        raise ConfigurationError(
            f"{shown} is to be read at {pin!r}, which is no commit, tag or branch by its name.",
            remedy="Put the number of a commit behind the @, or the name of a tag or branch.",
        )
    return pin


def _is_odd(path: str) -> bool:
    """Tell whether a part of a path goes up, or could be taken for an option."""
    return any(part in ("..", ".") or part.startswith("-") for part in path.strip("/").split("/"))


def _stem(path: str) -> str:
    return path.strip("/").removesuffix(".git")
