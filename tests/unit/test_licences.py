"""Licences are named as SPDX does, where the files of a project say them, and not guessed."""

import pytest

from infrastructure.harvest.licences import LARGEST, UNKNOWN, is_asked, licence_of

MIT = "Permission is hereby granted, free of charge, to any\n   person obtaining a copy of this software"
BSD = "Redistribution and use in source and binary forms, with or without"
TEXTS = [
    (MIT, "MIT"),
    (BSD, "BSD-2-Clause"),
    (f"{BSD} ...\nNeither the name of the copyright holder nor", "BSD-3-Clause"),
    (
        "                                 Apache License\n                           Version 2.0, January 2004",
        "Apache-2.0",
    ),
    ("GNU GENERAL PUBLIC LICENSE\n     Version 3, 29 June 2007", "GPL-3.0"),
    ("GNU GENERAL PUBLIC LICENSE\n     Version 2, June 1991", "GPL-2.0"),
    ("GNU AFFERO GENERAL PUBLIC LICENSE\n   Version 3", "AGPL-3.0"),
    ("GNU LESSER GENERAL PUBLIC LICENSE\n   Version 2.1", "LGPL-2.1"),
    ("Mozilla Public License Version 2.0", "MPL-2.0"),
    ("Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee", "ISC"),
    ("This is free and unencumbered software released into the public domain.", "Unlicense"),
    ("SPDX-License-Identifier: 0BSD", "0BSD"),
    ("You may look at this.", UNKNOWN),
    ("", UNKNOWN),
]


@pytest.mark.parametrize(("text", "name"), TEXTS)
def test_texts_are_recognised(text: str, name: str) -> None:
    assert licence_of({"LICENSE": text}) == name


@pytest.mark.parametrize(
    ("path", "text", "name"),
    [
        ("pyproject.toml", '[project]\nlicense = "BSD-3-Clause"\n', "BSD-3-Clause"),
        ("pyproject.toml", '[project]\nlicense = "MIT OR Apache-2.0"\n', "MIT OR Apache-2.0"),
        ("pyproject.toml", '[project]\nlicense = {text = "ISC"}\n', "ISC"),
        ("pyproject.toml", 'classifiers = [\n  "License :: OSI Approved :: MIT License",\n]', "MIT"),
        (
            "setup.py",
            'classifiers=["License :: OSI Approved :: GNU General Public License v3 (GPLv3)"]',
            "GPL-3.0-only",
        ),
        ("setup.cfg", "license = MIT\n", "MIT"),
        ("setup.py", 'classifiers=["License :: OSI Approved :: BSD License"]', UNKNOWN),
        ("pyproject.toml", 'license = "my own"\n', UNKNOWN),
        ("pyproject.toml", 'license = {file = "LICENSE"}\n', UNKNOWN),
    ],
)
def test_what_a_project_declares_is_read(path: str, text: str, name: str) -> None:
    assert licence_of({path: text}) == name


def test_what_is_declared_goes_before_texts_unless_it_says_two_things() -> None:
    assert licence_of({"LICENSE": MIT, "pyproject.toml": 'license = "MIT"\n'}) == "MIT"
    assert licence_of({"LICENSE": MIT, "pyproject.toml": 'license = "MIT-0"\n'}) == "MIT-0"
    both = {"LICENSE": MIT, "pyproject.toml": 'license = "MIT-0"\n', "setup.cfg": "license = ISC\n"}
    assert licence_of(both) == "MIT"


def test_all_texts_are_named_and_one_that_is_not_known_makes_nothing_up() -> None:
    assert licence_of({"LICENSE.MIT": MIT, "LICENSE.BSD": BSD}) == "BSD-2-Clause AND MIT"
    assert licence_of({}) == UNKNOWN


def test_files_of_the_root_alone_are_asked() -> None:
    asked = (
        "LICENSE",
        "LICENCE.txt",
        "COPYING",
        "license.md",
        "LICENSE-MIT",
        "UNLICENSE",
        "pyproject.toml",
        "setup.py",
    )
    assert all(map(is_asked, asked))
    assert not any(map(is_asked, ("docs/LICENSE", "licensing.py", "README.md", "licenses.json/x")))


@pytest.mark.parametrize(
    "text", ["\n" * LARGEST, "license = MIT" + " " * LARGEST + "x", "license = " + "MIT AND " * 10_000]
)
def test_a_file_that_is_made_to_be_slow_says_nothing_soon(text: str) -> None:
    assert licence_of({"setup.cfg": text}) == UNKNOWN
