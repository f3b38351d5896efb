"""Steps by expressions of a text: what was in it is in the result too, as a whole or as a piece of it."""

from data.generator.composed.step import PIECE, TEXT, lanes, step

EXPRESSIONS = (
    lanes("strip", "$v.strip()"),
    lanes("strip-one-side", "$v.rstrip()"),
    lanes("to-text", "str($v)"),
    lanes("interpolated", "f'{$v}'"),
    lanes("percent", "'%s' % $v"),
    lanes("percent-tuple", "'%s' % ($v,)"),
    lanes("format", "'{}'.format($v)"),
    lanes("format-index", "'{0}'.format($v, '$word')"),
    lanes("format-name", "'{$k}'.format($k=$v)"),
    lanes("format-map", "'{$k}'.format_map({'$k': $v})"),
    lanes("format-function", "format($v, '')"),
    lanes("concatenated", "'' + $v"),
    lanes("cut", "$v[:400]"),
    lanes("joined", "''.join([$v])"),
    lanes("joined-characters", "''.join($a for $a in $v)"),
    lanes("joined-words", "' '.join($v.split(' '))"),
    lanes("joined-list", "''.join(list($v))"),
    lanes("encoded", "$v.encode('utf-8').decode('utf-8')"),
    lanes("bytes", "bytes($v, 'utf-8').decode()"),
    lanes("byte-array", "bytearray($v.encode()).decode()"),
    lanes("replaced", "$v.replace('$word', '$word2')"),
    lanes("prefix-removed", "$v.removeprefix('$word')"),
    lanes("suffix-removed", "$v.removesuffix('$word')"),
    lanes("partition", "$v.partition('\\0')[0]"),
    lanes("split-first", "$v.split('\\0')[0]"),
    lanes("reversed-twice", "$v[::-1][::-1]"),
    lanes("translated", "$v.translate({})"),
    lanes("substituted", "re.sub('$word', '$word2', $v)"),
    lanes("whole-match", "re.match('(?s).*', $v).group()"),
    lanes("normalised", "unicodedata.normalize('NFC', $v)"),
    lanes("json", "json.loads(json.dumps($v))"),
    lanes("json-object", "json.loads(json.dumps({'$k': $v}))['$k']"),
    lanes("base64", "base64.b64decode(base64.b64encode($v.encode())).decode()"),
    lanes("hexadecimal", "bytes.fromhex($v.encode().hex()).decode()"),
    lanes("url-quoted", "unquote(quote($v))"),
    lanes("query", "parse_qs(urlencode({'$k': $v}))['$k'][0]"),
    lanes("html-unescaped", "html.unescape($v)"),
    lanes("text-buffer", "io.StringIO($v).read()"),
    lanes("byte-buffer", "io.BytesIO($v.encode()).getvalue().decode()"),
    lanes("compressed", "zlib.decompress(zlib.compress($v.encode())).decode()"),
    lanes("copied", "copy.deepcopy([$v])[0]"),
    lanes("template", "string.Template('$$$k').substitute($k=$v)"),
    lanes("path", "os.fspath($v)"),
    lanes("lower-case", "$v.lower()", PIECE),
    lanes("upper-case", "$v.upper()", PIECE),
    lanes("case-folded", "$v.casefold()", PIECE),
    lanes("padded", "$v.ljust(24)", PIECE),
    lanes("centred", "$v.center(30)", PIECE),
    lanes("with-a-prefix", "f'$word {$v}'", PIECE),
    lanes("with-a-suffix", "$v + ' $word'", PIECE),
    lanes("between", "'$word {} $word2'.format($v)", PIECE),
    lanes("percent-between", "'$word %s' % $v", PIECE),
    lanes("joined-with-others", "' '.join(['$word', $v, '$word2'])", PIECE),
    step(
        "character-loop",
        """
        $a, $b = '', ''
        for $c in $kept:
            $a += $c
        for $c in $left:
            $b += $c
        $out = $a
        """,
        carries=TEXT,
    ),
    step(
        "added-to",
        """
        $out = ''
        $out += $kept
        $spare = ''
        $spare += $left
        """,
        """
        $spare = ''
        $spare += $left
        $out = ''
        $out += $kept
        """,
        carries=TEXT,
    ),
    step(
        "seam",
        "$a = '$word:' + $kept + '|' + $left\n$out = $a[len('$word:'):].partition('|')[0]",
        "$a = $left + '|' + $kept\n$out = $a.rpartition('|')[2]",
        carries=PIECE,
    ),
    step(
        "split-at-a-comma",
        "$a = ','.join([$left, $kept])\n$out = $a.split(',')[-1]",
        "$a = '%s,%s' % ($kept, $left)\n$out = $a.split(',')[0]",
        carries=PIECE,
    ),
    step(
        "regular-groups",
        "$a = re.match('(.*)/(.*)', $left + '/' + $kept)\n$out = $a.group(2)",
        carries=PIECE,
    ),
    step(
        "query-of-two",
        "$a = urlencode({'$k': $left, '$l': $kept})\n$out = dict(parse_qsl($a))['$l']",
        "$a = parse_qs(urlencode([('$k', $kept), ('$l', $left)]))\n$out = $a['$k'][0]",
        carries=TEXT,
    ),
    step(
        "json-of-two",
        "$a = json.dumps({'$k': $left, '$l': $kept})\n$out = json.loads($a)['$l']",
        "$a = json.dumps([$kept, $left])\n$out = json.loads($a)[0]",
        carries=TEXT,
    ),
    step(
        "table-line",
        """
        $a = next(csv.reader([f'"{$left}","{$kept}"']))
        $out = $a[1]
        """,
        carries=PIECE,
    ),
    step(
        "configuration",
        """
        $a = ConfigParser(interpolation=None)
        $a.read_dict({'$k': {'$l': $left, '$m': $kept}})
        $out = $a['$k']['$m']
        """,
        carries=TEXT,
    ),
    step(
        "environment",
        "os.environ['$k'], os.environ['$l'] = $left, $kept\n$out = os.environ['$l']",
        """
        os.environ['$k'] = $left
        os.environ['$k'] = $kept
        $out = os.environ.get('$k')
        """,
        carries=TEXT,
    ),
)
