"""Whether the message of a commit says that it mends a weakness, and which kind of weakness that was."""

import re
from dataclasses import dataclass

_ADVISORY = re.compile(r"\b(CVE-\d{4}-\d{4,7}|GHSA(?:-[23456789cfghjmpqrvwx]{4}){3}|PYSEC-\d{4}-\d+)\b", re.IGNORECASE)
_CWE = re.compile(r"\bCWE[- ]?(\d{1,5})\b", re.IGNORECASE)
_TAKEN_BACK = re.compile(r"\A\s*(?:revert|reapply)\b", re.IGNORECASE)
# What is said of a weakness, and its number in the CWE list; None where the words tell no kind. The first that is found
# names the kind, so the narrow stand before the wide.
WORDS: tuple[tuple[str, int | None], ...] = (
    (r"SQL[- ]?injections?|SQLi", 89),
    (r"(?:OS |shell[- ]|command[- ]|argument[- ])injections?", 78),
    (r"template[- ]injections?|SSTI", 1336),
    (r"LDAP[- ]injections?", 90),
    (r"XPath[- ]injections?", 643),
    (r"(?:header[- ]|CRLF[- ]?)injections?|response splitting", 113),
    (r"log[- ](?:injections?|forging)", 117),
    (r"code[- ]injections?|RCE|(?:remote|arbitrary) (?:code|command) execution|sandbox escape", 94),
    (r"(?:path|directory)[- ]traversal|zip[- ]?slip", 22),
    (r"XSS|cross[- ]site[- ]scripting", 79),
    (r"CSRF|cross[- ]site[- ]request[- ]forgery", 352),
    (r"SSRF|server[- ]side[- ]request[- ]forgery", 918),
    (r"XXE|XML external entit(?:y|ies)", 611),
    (r"billion laughs|XML bombs?|entity expansion", 776),
    (r"(?:unsafe|insecure|arbitrary|untrusted) (?:de-?seriali[sz]ation|pickles?|yaml)", 502),
    (r"open redirect(?:ion)?s?", 601),
    (r"ReDoS|catastrophic backtracking", 1333),
    (r"timing (?:attack|side[- ]channel)s?|constant[- ]time comparison", 208),
    (r"hard-?coded (?:passwords?|secrets?|credentials?|keys?|tokens?)", 798),
    (r"(?:certificate|hostname|TLS|SSL) (?:verification|validation)", 295),
    (r"(?:authentication|authori[sz]ation|auth) bypass", 287),
    (r"privilege escalation", 269),
    (r"session fixation", 384),
    (r"click-?jacking", 1021),
    (r"(?:insecure|unsafe) temp(?:orary)? (?:files?|director(?:y|ies))", 377),
    (r"(?:weak|insecure|predictable) random(?:ness)?", 330),
    (r"(?:weak|insecure|broken) (?:hash(?:es|ing)?|ciphers?|crypto(?:graphy)?)", 327),
    (r"(?:information|credentials?|password|secret|token) (?:leak(?:age)?s?|disclosures?|exposures?)", 200),
    (r"denial[- ]of[- ]service|(?-i:DoS)", 400),  # in small letters it is an operating system
    (r"vulnerab(?:le|ility|ilities)", None),
    (r"security (?:fix(?:es)?|patch(?:es)?|issues?|bugs?|flaws?|holes?|problems?|advisor(?:y|ies)|hardening)", None),
)
_PATTERNS = tuple((re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE), cwe) for words, cwe in WORDS)


@dataclass(frozen=True)
class SecurityFix:
    """What a message says: `advisory` its first CVE, GHSA or PYSEC number ("" without), `cwe` a number or None."""

    advisory: str
    cwe: int | None


def security_fix(message: str) -> SecurityFix | None:
    """Read the message of a commit; None where it speaks of no weakness, or takes another commit back."""
    if _TAKEN_BACK.match(message):
        return None
    advisories = [found.upper() for found in _ADVISORY.findall(message)]
    advisory = next((name for name in advisories if name.startswith("CVE")), advisories[0] if advisories else "")
    number = _CWE.search(message)
    said = _said(message)
    if not advisory and number is None and said is None:
        return None
    return SecurityFix(_spelt(advisory), int(number[1]) if number else said[0] if said else None)


def _said(message: str) -> tuple[int | None] | None:
    return next(((cwe,) for pattern, cwe in _PATTERNS if pattern.search(message)), None)


def _spelt(advisory: str) -> str:
    """Spell the number of an advisory as its list does: letters of GHSA are small."""
    return f"GHSA{advisory[4:].lower()}" if advisory.startswith("GHSA") else advisory
