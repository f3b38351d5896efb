"""Under which licence a project stands, as its own files say: names of the SPDX list, or "unknown"."""

import re
from collections.abc import Mapping

UNKNOWN = "unknown"
LARGEST = 1 << 17
# What the root of a project may hold, in the order in which it is believed.
TEXTS = re.compile(r"(?:licen[cs]es?|copying|unlicense)(?:[-_.][A-Za-z0-9_.-]*)?", re.IGNORECASE)
DECLARATIONS = ("pyproject.toml", "setup.cfg", "setup.py")
_TAG = re.compile(r"SPDX-License-Identifier:\s*([A-Za-z0-9.+-]+(?:\s+(?:AND|OR|WITH)\s+[A-Za-z0-9.+-]+)*)")
# Words that a text has and no other in this order has; the wide stand behind the narrow that hold them.
_WORDS: tuple[tuple[str, str], ...] = (
    ("AGPL-3.0", r"GNU AFFERO GENERAL PUBLIC LICENSE\s+Version 3"),
    ("LGPL-3.0", r"GNU LESSER GENERAL PUBLIC LICENSE\s+Version 3"),
    ("LGPL-2.1", r"GNU LESSER GENERAL PUBLIC LICENSE\s+Version 2\.1"),
    ("LGPL-2.0", r"GNU LIBRARY GENERAL PUBLIC LICENSE\s+Version 2"),
    ("GPL-3.0", r"GNU GENERAL PUBLIC LICENSE\s+Version 3"),
    ("GPL-2.0", r"GNU GENERAL PUBLIC LICENSE\s+Version 2"),
    ("Apache-2.0", r"Apache License,?\s+Version 2\.0"),
    ("MPL-2.0", r"Mozilla Public License,?\s+(?:Version|v\.?)\s*2\.0"),
    ("EPL-2.0", r"Eclipse Public License\s+-?\s*v(?:ersion)?\s*2\.0"),
    ("PSF-2.0", r"PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2"),
    ("BSL-1.0", r"Boost Software License - Version 1\.0"),
    ("CC0-1.0", r"CC0 1\.0 Universal"),
    ("Unlicense", r"This is free and unencumbered software released into the public domain"),
    (
        "ISC",
        r"Permission to use, copy, modify, and(?:/or)? distribute this software for any purpose with or without fee",
    ),
    ("Zlib", r"This software is provided 'as-is', without any express or implied warranty"),
    ("MIT", r"Permission is hereby granted, free of charge, to any person obtaining a copy"),
    ("BSD-3-Clause", r"Redistribution and use in source and binary forms.*Neither the names? of"),
    ("BSD-2-Clause", r"Redistribution and use in source and binary forms"),
)
_TEXTS = tuple((name, re.compile(words.replace(" ", r"\s+"), re.IGNORECASE | re.DOTALL)) for name, words in _WORDS)
# Of the trove classifiers those that name one licence; "BSD License" alone may be any of several.
_CLASSIFIERS = {
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
}
_CLASSIFIER = re.compile(r"License :: OSI Approved :: ([^\"'\n,]+)")
# As PEP 639 writes it, and as it was written before: license = "MIT" or license = {text = "MIT"}.
_DECLARED = re.compile(
    r"^[ \t]{0,20}license[ \t]{0,20}=[ \t]{0,20}(?:\{[ \t]{0,20}text[ \t]{0,20}=[ \t]{0,20})?[\"']?"
    r"([A-Za-z0-9.+-]+(?:[ \t]+(?:AND|OR|WITH)[ \t]+[A-Za-z0-9.+-]+)*)[\"']?[ \t]{0,20}[},]?[ \t\r]{0,20}$",
    re.MULTILINE,
)
_KNOWN = frozenset((*(name for name, _ in _WORDS), *_CLASSIFIERS.values(), "BSD-3-Clause", "0BSD", "MIT-0"))


def is_asked(path: str) -> bool:
    """Tell whether a file at the root of a project may say its licence."""
    return "/" not in path and (path in DECLARATIONS or TEXTS.fullmatch(path) is not None)


def licence_of(files: Mapping[str, str]) -> str:
    """Name the licence of a project by the texts of the files `is_asked` of.

    What the project declares goes before what its texts are recognised as. Texts of several licences are all named: a
    reader has to keep all of them. A text of the GPL does not say whether a later one may be chosen, so its name is the
    one without "only" and "or later".
    """
    declared = {name for path in DECLARATIONS if path in files for name in _declared(files[path])}
    if len(declared) == 1:
        return declared.pop()
    found = {name for path, text in sorted(files.items()) if path not in DECLARATIONS for name in _recognised(text)}
    return " AND ".join(sorted(found)) or UNKNOWN


def _declared(text: str) -> set[str]:
    named = {found for found in _DECLARED.findall(text) if set(re.split(r"\s+(?:AND|OR|WITH)\s+", found)) <= _KNOWN}
    if named:
        return named
    return {_CLASSIFIERS[name.strip()] for name in _CLASSIFIER.findall(text) if name.strip() in _CLASSIFIERS}


def _recognised(text: str) -> list[str]:
    tag = _TAG.search(text)
    if tag:
        return [tag[1]]
    return [name for name, words in _TEXTS if words.search(text)][:1]
