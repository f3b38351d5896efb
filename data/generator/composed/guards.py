"""What may stand between a value and its use: cures and checks that help, and their likes that do not."""

from dataclasses import dataclass

# What a text can do harm to. Which texts do is said in tests/support/hostile.py, and every guard is tried on them.
KINDS = ("html", "shell", "sql", "path", "line", "url", "ldap", "xpath", "code", "amount", "secret")
MARKUP = ("html", "shell", "sql", "path", "line", "url", "ldap", "xpath", "code")


@dataclass(frozen=True)
class Guard:
    """Lines that look at the variable `$v` or write it anew as `$after`.

    `helps` names the kinds of harm that no text behind the guard can do any more, `useless` those that it can do as
    before. A kind in neither of them is left out: there the guard helps by chance, or a little.
    """

    name: str
    text: str
    helps: tuple[str, ...] = ()
    useless: tuple[str, ...] = ()


def strict(name: str, text: str) -> Guard:
    """Make a guard that lets letters and digits pass, so that no text can do anything."""
    return Guard(name, text, helps=MARKUP)


def only(name: str, helps: str, text: str, useless: str = "") -> Guard:
    """Make a guard against some kinds of harm, which is useless against some others."""
    return Guard(name, text, tuple(helps.split()), tuple(useless.split()))


def idle(name: str, text: str, but: str = "") -> Guard:
    """Make a guard that is of no use against anything but, perhaps, some kinds."""
    return Guard(name, text, useless=tuple(kind for kind in (*MARKUP, "secret") if kind not in but.split()))


STRICT = (
    strict("letters-and-digits", "if not $v.isalnum():\n    $leave"),
    strict("digits", "if not $v.isdigit():\n    $leave"),
    strict("decimals-as-number", "if not $v.isdecimal():\n    $leave\n$after = str(int($v))"),
    strict("identifier", "if not $v.isidentifier():\n    $leave"),
    strict("whole-match", "if not re.fullmatch(r'[a-z0-9]+', $v):\n    $leave"),
    strict("whole-match-of-words", "if re.fullmatch(r'\\w{1,20}', $v) is None:\n    $leave"),
    strict("anchored-match", "if not re.match(r'^[A-Za-z]+\\Z', $v):\n    $leave"),
    strict("compiled-pattern", "$a = re.compile(r'[A-Za-z_]+')\nif not $a.fullmatch($v):\n    $leave"),
    strict("in-a-tuple", "if $v not in ('$word', '$word2', '$k'):\n    $leave"),
    strict("in-a-set", "if $v not in {'$k', '$l'}:\n    $leave"),
    strict("in-a-table", "$a = {'$k': $low, '$l': $high}\nif $v not in $a:\n    $leave"),
    strict("in-a-list-above", "$K = ['$k', '$l', '$word']\n---\nif $v not in $K:\n    $leave"),
    strict("equal-to", "if $v != '$k':\n    $leave"),
    strict("every-character", "if not all($a.isalnum() for $a in $v):\n    $leave"),
    strict("some-character-not", "if any(not $a.isalnum() for $a in $v):\n    $leave"),
    strict("character-loop", "for $a in $v:\n    if not $a.isalnum():\n        $leave"),
    strict("set-of-characters", "if not set($v) <= set(string.ascii_letters):\n    $leave"),
    strict("number-or-leave", "try:\n    int($v)\nexcept ValueError:\n    $leave"),
    strict("number-and-back", "$after = str(int($v))"),
    strict("number-as-float", "$after = str(float($v))"),
    strict("number-or-default", "$after = $v if $v.isdigit() else '$low'"),
    strict("default-unless-known", "$after = $v if $v in ('$word', '$k') else '$word'"),
    strict("looked-up", "$after = {'$k': '$word', '$l': '$word2'}.get($v, '$word3')"),
    strict("looked-up-or-raise", "$after = {'$k': '$word', '$l': '$word2'}[$v]"),
    strict("unwanted-removed", "$after = re.sub(r'[^a-z0-9]', '', $v)"),
    strict("non-words-removed", "$after = re.sub(r'\\W', '', $v)"),
    strict("filtered", "$after = ''.join(filter(str.isalnum, $v))"),
    strict("characters-chosen", "$after = ''.join($a for $a in $v if $a.isalnum())"),
    strict("hashed", "$after = hashlib.sha256($v.encode()).hexdigest()"),
    strict("length", "$after = str(len($v))"),
    strict("identifier-of-uuid", "$after = str(uuid.UUID($v))"),
    strict("address", "$after = str(ipaddress.ip_address($v))"),
    strict("matched-cases", "match $v:\n    case '$word' | '$k':\n        $note\n    case _:\n        $leave"),
    strict(
        "checked-by-helper", "def $f($a):\n    if not $a.isalnum():\n        raise ValueError('$word')\n---\n$f($v)"
    ),
    strict("checked-by-predicate", "def $f($a):\n    return $a.isalnum()\n---\nif not $f($v):\n    $leave"),
    strict("cleaned-by-helper", "def $f($a):\n    return re.sub(r'\\W', '', $a)\n---\n$after = $f($v)"),
    strict("flag-kept", "$a = $v.isalnum()\nif not $a:\n    $leave"),
)

OF_A_KIND = (
    only("html-escape", "html", "$after = html.escape($v)", "shell path line url code secret"),
    only("html-escape-by-name", "html", "$after = escape($v)", "shell path line url code secret"),
    only(
        "angles-replaced",
        "html",
        "$after = $v.replace('<', '&lt;').replace('>', '&gt;')",
        "path line url sql xpath code secret",
    ),
    only(
        "no-angles", "html", "if '<' in $v or '>' in $v:\n    $leave", "shell sql path line url ldap xpath code secret"
    ),
    only("shell-quote", "shell", "$after = shlex.quote($v)", "html path url ldap secret"),
    only("shell-join", "shell", "$after = shlex.join([$v])", "html path url ldap secret"),
    only("quotes-doubled", "sql", '$after = $v.replace("\'", "\'\'")', "html shell path line url ldap code secret"),
    only("no-quotes", "sql xpath", "if \"'\" in $v or '\"' in $v:\n    $leave", "shell path line url ldap secret"),
    only(
        "quotes-as-entities",
        "sql xpath",
        "$after = $v.replace(\"'\", '&apos;').replace('\"', '&quot;')",
        "shell path line url ldap secret",
    ),
    only("base-name", "path", "$after = os.path.basename($v)", "shell sql line ldap xpath code"),
    only("last-part", "path", "$after = PurePosixPath($v).name", "shell sql line ldap xpath code"),
    only("last-of-split", "path", "$after = $v.split('/')[-1]", "shell sql line ldap xpath code"),
    only("no-slash", "path", "if '/' in $v:\n    $leave", "shell sql ldap xpath code secret"),
    only(
        "below-a-folder",
        "path",
        "if not os.path.normpath(os.path.join('/srv/data', $v)).startswith('/srv/data/'):\n    $leave",
        "shell sql line ldap xpath code secret",
    ),
    only(
        "relative-to-a-folder",
        "path",
        "if not Path('/srv/data', $v).resolve().is_relative_to('/srv/data'):\n    $leave",
        "shell sql line ldap xpath code secret",
    ),
    only(
        "no-parents",
        "path",
        "if '..' in $v or $v.startswith('/'):\n    $leave",
        "html shell sql line ldap xpath code secret",
    ),
    only(
        "line-ends-removed",
        "line",
        "$after = $v.replace('\\r', '').replace('\\n', '')",
        "html shell sql path url ldap xpath code secret",
    ),
    only(
        "line-ends-told",
        "line",
        "$after = $v.replace('\\r', '\\\\r').replace('\\n', '\\\\n')",
        "html shell sql path url ldap xpath code secret",
    ),
    only("blanks-joined", "line", "$after = ' '.join($v.split())", "html shell sql path url ldap xpath code secret"),
    only("first-line", "line", "$after = $v.splitlines()[0]", "html shell sql path url ldap xpath code secret"),
    only("lines-joined", "line", "$after = ''.join($v.splitlines())", "html shell sql path url ldap xpath code secret"),
    only(
        "no-line-ends",
        "line",
        "if '\\n' in $v or '\\r' in $v:\n    $leave",
        "html shell sql path url ldap xpath code secret",
    ),
    only("printable", "line", "if not $v.isprintable():\n    $leave", "html shell sql path url ldap xpath code secret"),
    only("represented", "line", "$after = repr($v)", "html secret"),
    only("known-host", "url", "if urlparse($v).netloc != 'example.org':\n    $leave"),
    only("host-in-a-set", "url", "if urlparse($v).hostname not in {'example.org', 'example.com'}:\n    $leave"),
    only("no-host", "url", "if urlparse($v).netloc:\n    $leave", "shell sql ldap xpath line html secret"),
    only("all-quoted", "html line url path sql xpath", "$after = quote($v, safe='')"),
    only("quoted-plus", "html line url path sql xpath", "$after = quote_plus($v)"),
    only("filter-characters", "ldap", "$after = escape_filter_chars($v)", "html shell sql path url xpath line secret"),
    only("no-brackets", "ldap", "if set($v) & set('()*\\\\'):\n    $leave", "html sql path url line xpath secret"),
    only("amount-checked", "amount", "if int($v) > 100:\n    $leave"),
    only("amount-between", "amount", "if not 0 < int($v) < $high:\n    $leave"),
    only("amount-limited", "amount", "$after = str(min(int($v), $high))"),
    only("amount-of-digits", "amount", "if len($v) > 2:\n    $leave"),
    only("masked", "secret", "$after = '*' * len($v)"),
    only("masked-letters", "secret", "$after = re.sub('.', '*', $v)"),
    only("fingerprint", "secret", "$after = hashlib.sha256($v.encode()).hexdigest()"),
    only("only-whether", "secret", "$after = str(bool($v))"),
    only("only-how-long", "secret", "$after = str(len($v))"),
    only("two-letters", "secret", "$after = $v[:2] + '...'"),
)

IDLE = (
    idle("stripped", "$after = $v.strip()"),
    idle("lower-case", "$after = $v.lower()", "secret"),
    idle("cut", "$after = $v[:200]"),
    idle("as-text", "$after = str($v)"),
    idle("normalised", "$after = unicodedata.normalize('NFKC', $v)"),
    idle("decoded", "$after = unquote($v)"),
    idle("word-removed", "$after = $v.replace('$word', '')"),
    idle("or-default", "$after = $v or '$word'"),
    idle("end-removed", "$after = re.sub(r'\\s+$', '', $v)"),
    idle("not-empty", "if not $v:\n    $leave"),
    idle("not-blank", "if not $v.strip():\n    $leave"),
    idle("not-too-long", "if len($v) > 400:\n    $leave"),
    idle("is-text", "if not isinstance($v, str):\n    $leave"),
    idle("is-something", "if $v is None:\n    $leave"),
    idle("not-that-word", "if $v == '$k':\n    $leave"),
    idle("not-those-words", "if $v in ('$word', '$word2', '$k'):\n    $leave"),
    idle("not-that-beginning", "if $v.startswith('$k'):\n    $leave"),
    idle("result-ignored", "$v.isalnum()"),
    idle("result-unused", "$a = $v.isalnum()"),
    idle("match-unused", "$a = re.fullmatch(r'[a-z0-9]+', $v)"),
    idle("only-told", "if not $v.isalnum():\n    $note"),
    idle("only-told-of-match", "if not re.fullmatch(r'\\w+', $v):\n    $note"),
    idle("turned-around", "if $v.isdigit():\n    $leave"),
    idle("turned-around-table", "if $v in {'$k': $low, '$l': $high}:\n    $leave"),
    idle("searched", "if not re.search(r'[a-z0-9]+', $v):\n    $leave"),
    idle("beginning-matched", "if not re.match(r'\\w', $v):\n    $leave"),
    idle("some-character", "if not any($a.isalnum() for $a in $v):\n    $leave"),
    idle("character-loop-goes-on", "for $a in $v:\n    if not $a.isalnum():\n        continue"),
    idle("copy-checked", "$a = re.sub(r'\\W', '', $v)\nif not $a.isalnum():\n    $leave"),
    idle("beginning-checked", "if not $v[:1].isalnum():\n    $leave"),
    idle("both-conditions", "if not $v.isalnum() and not $v:\n    $leave"),
    idle("either-condition", "if not ($v.isalnum() or $v):\n    $leave"),
    idle("never-checked", "if $false:\n    if not $v.isalnum():\n        $leave"),
    idle("flag-overwritten", "$a = $v.isalnum()\n$a = True\nif not $a:\n    $leave"),
    idle("fault-swallowed", "try:\n    int($v)\nexcept ValueError:\n    $note"),
    idle(
        "raised-and-caught",
        "try:\n    if not $v.isalnum():\n        raise ValueError('$word')\nexcept ValueError:\n    $note",
    ),
    idle("cured-in-vain", "$a = html.escape($v)"),
    idle("filtered-in-vain", "$a = ''.join(filter(str.isalnum, $v))"),
    idle("quoted-in-vain", "$a = shlex.quote($v)\n$b = len($a)"),
    idle("removed-in-vain", "$v.replace('<', '').replace('/', '').replace(';', '')"),
    idle("helper-in-vain", "def $f($a):\n    $a = re.sub(r'\\W', '', $a)\n---\n$f($v)"),
    idle("helper-without-effect", "def $f($a):\n    return $a.isalnum()\n---\n$f($v)"),
    idle("helper-says-yes", "def $f($a):\n    $b = $a.isalnum()\n    return True\n---\nif not $f($v):\n    $leave"),
    idle("among-itself", "if $v not in ['$word', $v]:\n    $leave"),
    idle("substring-of", "if not any($a in '$word' for $a in ['', $v]):\n    $leave"),
    Guard("amount-positive", "if int($v) < 1:\n    $leave", useless=("amount",)),
    Guard("amount-is-number", "if not $v.isdigit():\n    $leave", useless=("amount",)),
    Guard("amount-at-least", "$after = str(max(int($v), $low))", useless=("amount",)),
    Guard("amount-in-vain", "$a = min(int($v), $high)", useless=("amount",)),
    Guard("amount-told", "if int($v) > 100:\n    $note", useless=("amount",)),
    Guard("secret-looks-right", "if not $v.isascii():\n    $leave", useless=("secret",)),
    Guard("secret-masked-in-vain", "$a = '*' * len($v)", useless=("secret",)),
)

GUARDS: tuple[Guard, ...] = (*STRICT, *OF_A_KIND, *IDLE)
