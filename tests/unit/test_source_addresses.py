"""What a person names as a source is read as one thing, or refused in a sentence without a secret."""

from pathlib import Path

import pytest

from domain.exceptions import ConfigurationError
from infrastructure.harvest.addresses import address_of
from infrastructure.harvest.projects import Projects


@pytest.mark.parametrize(
    ("given", "url", "project", "pin"),
    [
        ("https://github.com/a/b", "https://github.com/a/b", "github.com/a/b", ""),
        ("https://gitlab.com/a/group/b.git@v1.0", "https://gitlab.com/a/group/b.git", "gitlab.com/a/group/b", "v1.0"),
        ("https://bitbucket.org/a/b@release/2", "https://bitbucket.org/a/b", "bitbucket.org/a/b", "release/2"),
        ("https://host:8443/a/b@" + "0" * 40, "https://host:8443/a/b", "host/a/b", "0" * 40),
        ("https://host/@scope/b", "https://host/@scope/b", "host/@scope/b", ""),
        ("https://[::1]/a/b", "https://[::1]/a/b", "::1/a/b", ""),
        ("ssh://git@github.com/a/b.git@abc1234", "ssh://git@github.com/a/b.git", "github.com/a/b", "abc1234"),
        ("ssh://github.com:22/a/b", "ssh://github.com:22/a/b", "github.com/a/b", ""),
        ("git@github.com:a/b.git", "ssh://git@github.com/a/b.git", "github.com/a/b", ""),
        ("git@github.com:a/b.git@main", "ssh://git@github.com/a/b.git", "github.com/a/b", "main"),
    ],
)
def test_addresses_are_read(given: str, url: str, project: str, pin: str) -> None:
    found = address_of(given)
    assert (found.url, found.project, found.pin, found.directory) == (url, project, pin, None)
    assert found.shown == url


def test_a_user_and_a_password_are_kept_from_everything_that_is_told() -> None:
    found = address_of("https://me%40here:to%3Aken@github.com/a/b@v1")
    assert (found.user, found.password) == ("me@here", "to:ken")
    assert "ken" not in f"{found.shown} {found.url} {found.project} {found!r}"


BAD = [
    "",
    "a\nb",
    "x" * 3_000,
    "missing",
    "missing@v1",
    "-x",
    "--upload-pack=touch",
    "ext::sh -c touch% /tmp/x",
    "fd::17/foo",
    "git://github.com/a/b",
    "http://github.com/a/b",
    "ftp://host/a/b",
    "file:relative",
    "file://host/path",
    "file:///missing/path",
    "https://",
    "https://github.com",
    "https://github.com/",
    "https://-oProxyCommand=x/a/b",
    "https://github.com/a/../../b",
    "https://github.com/-a/b",
    "https://github.com:port/a/b",
    "https://github.com/a/b?token=s3cret",
    "https://github.com/a/b#s3cret",
    "https://me:s3cret@github.com/a/b@",
    "https://me:s3cret@github.com/a/b@--exec",
    "https://me:s3cret@github.com/a/b@main~1",
    "https://me:s3cret@github.com/a/b@v1..v2",
    "https://me:s3cret@github.com/a/b@HEAD@{1}",
    "https://me:s3cret@github.com/a/b@v 1",
    "https://me:s3cret#1@github.com/a/b",
    "https://me:s3cret/1@github.com/a/b",
    "https://me:s3cret?1@github.com/a/b",
    "https:/me:s3cret@github.com/a/b",
    " https://me:s3cret@github.com/a/b",
    "me:s3cret@github.com:a/b",
    "https://me%0a:s3cret@github.com/a/b",
    "ssh://git:s3cret@github.com/a/b",
    "ssh://-oProxyCommand=touch/a/b",
    "ssh://-u@host/a/b",
    "git@-host:a/b",
    "git@host:../b",
]


@pytest.mark.parametrize("given", BAD)
def test_what_names_no_source_is_refused(given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError) as refused:
        address_of(given)
    assert "s3cret" not in str(refused.value)
    assert refused.value.remedy


def test_directories_of_one_name_are_told_apart_by_those_around_them(tmp_path: Path) -> None:
    for place in ("a/src", "b/src", "c"):
        (tmp_path / place).mkdir(parents=True)
    found = Projects().named([str(tmp_path / place) for place in ("c", "b/src", "a/src")])
    assert [address.project for address in found] == ["a/src", "b/src", "c"]


def test_a_source_that_is_given_twice_is_refused_however_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(ConfigurationError, match="given twice"):
        Projects().named([str(tmp_path / "a"), f"{tmp_path}/a/../a/"])
    with pytest.raises(ConfigurationError, match="given twice"):
        Projects().named(["https://github.com/a/b", "https://me:s3cret@github.com/a/b.git"])


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Projects().named([str(tmp_path / "one"), "git://host/a", str(tmp_path)])
    assert len(refused.value.messages) == 2


def test_a_file_address_must_be_that_of_a_repository(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no git repository"):
        address_of(f"file://{tmp_path}")
    (tmp_path / ".git").write_text("gitdir: /elsewhere/.git\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="is no git repository"):
        address_of(f"file://{tmp_path}@v1")
