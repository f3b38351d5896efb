"""Lines that mean nothing to a label."""

from data.generator.composed.writer import Writer

# Single lines of at least three words: behind one the next line cannot be told from the line before it.
FILLERS = (
    "$a = $low + $high",
    "$a = $low * len('$word')",
    "$a = time.time() - $low",
    "$a = datetime.now().year",
    "$a = len(TASKS) + $low",
    "logger.info('$k $l $m')",
    "print('$word $k', $low)",
    "$a = ['$k', '$l']",
    "$a = {'$k': $low, '$l': $high}",
    "$a = '$word $word2 $k'",
    "$a = uuid.uuid4().hex",
    "metrics.$k.inc($low)",
    "$a = max($low, $high)",
    "# $word $k $l $m",
    "$a = range($low, $high)",
    "TASKS.append(('$k', $low))",
    "logging.debug('$word $k', exc_info=False)",
    "$a = os.getpid() % $high",
    "cache.set('$k', $low)",
    "$a = sorted(['$k', '$l', '$m'])",
)
# Uses of constants where others do harm with values.
CONSTANT = (
    "cursor.execute('SELECT $k FROM $l')",
    "$a = db.execute('SELECT 1').fetchone()",
    "os.system('sync')",
    "subprocess.run(['$k', '--version'])",
    "$a = eval('$low + $high')",
    "$a = json.loads('{}')",
    "$a = requests.get('https://example.org/$k')",
    "$a = open('$k.txt').read()",
    "$a = os.path.join('$k', '$l')",
    "$a = hashlib.sha256(b'$word').hexdigest()",
    "$a = html.escape('$word')",
    "$a = re.match('$k', '$l')",
    "$a = shlex.quote('$word $k')",
    "$a = yaml.safe_load('$k: $low')",
    "os.makedirs('/srv/$k', exist_ok=True)",
    "$a = importlib.import_module('json')",
    "$a = pickle.dumps(['$k'])",
    "$a = urlparse('https://example.org/$k').netloc",
    "$a = session.get('$k')",
    "$a = render_template('$k.html')",
)
# What any value may be used for.
HARMLESS = (
    "$a = {$v}",
    "$a = [$v, $low]",
    "if $v == '$word':\n    $note",
    "if $v is None:\n    $note",
    "$a = $v is not None",
    "TASKS.append(type($v))",
    "$a = $v != '$k'",
    "$a = isinstance($v, str)",
    "$a = ('$k', type($v))",
    "$a = bool($v)",
)
FUNCTIONS = (
    "def $f($a):\n    return $a * 2",
    "def $f($a, $b=None):\n    if $a:\n        return $b\n    return '$word'",
    "$K = ('$k', '$l')",
    "def $f():\n    return ['$k', '$l']",
    "class $K(Exception):\n    pass",
    "def $f($a):\n    for $b in $a:\n        print(len($b))",
)


def filler(writer: Writer) -> None:
    """Write one line that stands between others."""
    writer.write(writer.rng.choice(FILLERS))


def noise(writer: Writer, level: float) -> None:
    """Write a few lines, on average `level / (1 - level)` of them."""
    while writer.chance(level):
        writer.write(writer.rng.choice(CONSTANT if writer.chance(0.3) else FILLERS))
