"""Steps through lists, tuples, dictionaries and other things that hold several values."""

from data.generator.composed.step import step

CONTAINERS = (
    step(
        "list-index",
        "$a = [$kept, $left]\n$out = $a[0]",
        "$a = [$left, $kept]\n$out = $a[1]",
        "$a = ['$word', $left, $kept]\n$out = $a[2]",
    ),
    step("list-from-the-end", "$a = [$left, $kept]\n$out = $a[-1]", "$a = [$kept, $left]\n$out = $a[-2]"),
    step(
        "list-append",
        """
        $a = []
        $a.append($left)
        $a.append($kept)
        $out = $a[1]
        """,
        """
        $a = []
        $a.append($kept)
        $a.append($left)
        $out = $a[0]
        """,
    ),
    step(
        "list-insert",
        """
        $a = [$left]
        $a.insert(0, $kept)
        $out = $a[0]
        """,
        """
        $a = [$kept]
        $a.insert(0, $left)
        $out = $a[1]
        """,
    ),
    step("list-pop", "$a = [$left, $kept]\n$out = $a.pop()", "$a = [$kept, $left]\n$out = $a.pop(0)"),
    step(
        "list-extend",
        """
        $a = ['$word']
        $a.extend([$left, $kept])
        $out = $a[2]
        """,
        """
        $a = ['$word']
        $a += [$kept, $left]
        $out = $a[1]
        """,
    ),
    step(
        "list-slice",
        "$a = [$left, $kept, '$word'][1:]\n$out = $a[0]",
        "$a = [$kept, '$word', $left][:2]\n$out = $a[0]",
    ),
    step(
        "list-reverse",
        """
        $a = [$kept, $left]
        $a.reverse()
        $out = $a[1]
        """,
        "$a = list(reversed([$left, $kept]))\n$out = $a[0]",
    ),
    step(
        "list-replace",
        """
        $a = [$left, '$word']
        $a[0] = $kept
        $out = $a[0]
        """,
        """
        $a = ['$word', $kept]
        $a[0] = $left
        $out = $a[1]
        """,
    ),
    step(
        "list-nested",
        "$a = [[$left, '$word'], [$kept]]\n$out = $a[1][0]",
        "$a = [['$word', $kept], [$left]]\n$out = $a[0][1]",
    ),
    step(
        "list-delete",
        """
        $a = [$left, $kept]
        del $a[0]
        $out = $a[0]
        """,
        """
        $a = [$kept, $left]
        del $a[1]
        $out = $a[0]
        """,
    ),
    step("tuple-index", "$a = ($kept, $left)\n$out = $a[0]", "$a = ($left, $kept)\n$out = $a[1]"),
    step(
        "tuple-sum",
        "$a = ($left,) + ($kept,)\n$out = $a[1]",
        "$a = ('$word', $kept) + ($left,)\n$out = $a[1]",
    ),
    step(
        "unpacking",
        "$out, $left_as_a = $kept, $left",
        "$left_as_a, $out = $left, $kept",
        "($left_as_a, $b), $out = ($left, '$word'), $kept",
    ),
    step(
        "unpacking-the-rest",
        "$out, *$a = [$kept, $left, '$word']",
        "*$a, $out = ('$word', $left, $kept)",
        "$a, *$b = ('$word', $left, $kept)\n$out = $b[1]",
    ),
    step(
        "dict-key",
        "$a = {'$k': $kept, '$l': $left}\n$out = $a['$k']",
        "$a = {'$k': $left, '$l': $kept}\n$out = $a['$l']",
    ),
    step(
        "dict-overwritten",
        """
        $a = {'$k': $left}
        $a['$k'] = $kept
        $out = $a['$k']
        """,
        """
        $a = {'$k': $kept}
        $a['$l'] = $left
        $out = $a['$k']
        """,
    ),
    step(
        "dict-get",
        "$a = {'$k': $left}\n$out = $a.get('$l', $kept)",
        "$a = {'$k': $kept}\n$out = $a.get('$k', $left)",
    ),
    step(
        "dict-pop",
        "$a = {'$k': $kept, '$l': $left}\n$out = $a.pop('$k')",
        "$a = {'$k': $left}\n$out = $a.pop('$l', $kept)",
    ),
    step(
        "dict-setdefault",
        "$a = {'$k': $kept}\n$out = $a.setdefault('$k', $left)",
        "$a = {'$k': $left}\n$out = $a.setdefault('$l', $kept)",
    ),
    step(
        "dict-update",
        """
        $a = {'$k': $left}
        $a.update({'$k': $kept})
        $out = $a['$k']
        """,
        """
        $a = {'$k': $kept}
        $a.update({'$l': $left})
        $out = $a['$k']
        """,
    ),
    step(
        "dict-merge",
        "$a = {'$k': $left} | {'$k': $kept}\n$out = $a['$k']",
        "$a = {**{'$k': $left}, '$k': $kept}\n$out = $a['$k']",
    ),
    step(
        "dict-nested",
        "$a = {'$m': {'$k': $left, '$l': $kept}}\n$out = $a['$m']['$l']",
        "$a = {'$m': {'$k': $kept, '$l': $left}}\n$out = $a['$m']['$k']",
    ),
    step(
        "dict-of-keywords",
        "$a = dict($k=$kept, $l=$left)\n$out = $a['$k']",
        "$a = dict($k=$left, $l=$kept)\n$out = $a['$l']",
    ),
    step(
        "dict-of-pairs",
        "$a = dict([('$k', $left), ('$l', $kept)])\n$out = $a['$l']",
        "$a = dict(zip(('$k', '$l'), ($kept, $left)))\n$out = $a['$k']",
    ),
    step(
        "dict-values",
        "$a = {'$k': $left, '$l': $kept}\n$out = list($a.values())[1]",
        "$a = {'$k': $kept, '$l': $left}\n$out = next(iter($a.values()))",
    ),
    step(
        "dict-item-loop",
        """
        $out = '$word'
        for $b, $c in {'$k': $left, '$l': $kept}.items():
            if $b == '$l':
                $out = $c
        """,
        """
        $out = '$word'
        for $b, $c in [('$k', $kept), ('$l', $left)]:
            if $b != '$l':
                $out = $c
        """,
    ),
    step(
        "deque",
        "$a = deque([$left, $kept])\n$out = $a.pop()",
        """
        $a = deque([$kept])
        $a.append($left)
        $out = $a.popleft()
        """,
        """
        $a = deque([$left])
        $a.appendleft($kept)
        $out = $a[0]
        """,
    ),
    step(
        "queue",
        """
        $a = SimpleQueue()
        $a.put($kept)
        $a.put($left)
        $out = $a.get()
        """,
        """
        $a = LifoQueue()
        $a.put($left)
        $a.put($kept)
        $out = $a.get()
        """,
    ),
    step(
        "chain-map",
        "$a = ChainMap({'$k': $kept}, {'$k': $left})\n$out = $a['$k']",
        "$a = ChainMap({'$l': $left}, {'$k': $kept})\n$out = $a['$k']",
    ),
    step(
        "default-dict",
        """
        $a = defaultdict(list)
        $a['$k'].append($kept)
        $a['$l'].append($left)
        $out = $a['$k'][0]
        """,
        """
        $a = defaultdict(list)
        $a['$k'] += [$left, $kept]
        $out = $a['$k'][-1]
        """,
    ),
    step(
        "zip",
        "$a = list(zip([$left, $kept], ['$word', '$word2']))\n$out = $a[1][0]",
        "($a, $out), = zip([$left], [$kept])",
    ),
    step(
        "iterator",
        "$a = iter([$kept, $left])\n$out = next($a)",
        """
        $a = iter(($left, $kept))
        next($a)
        $out = next($a)
        """,
    ),
    step(
        "chained-iterables",
        "$a = chain([$left], [$kept])\n$out = list($a)[1]",
        "$a = list(chain.from_iterable([[$kept], [$left]]))\n$out = $a[0]",
    ),
    step(
        "sorted-by-key",
        "$a = sorted([($high, $left), ($low, $kept)], key=lambda $b: $b[0])\n$out = $a[0][1]",
        "$a = max([($high, $kept), ($low, $left)], key=lambda $b: $b[0])\n$out = $a[1]",
    ),
    step(
        "filtered",
        "$a = [$b for $c, $b in (('$k', $left), ('$l', $kept)) if $c == '$l']\n$out = $a[0]",
        "$a = [$c[1] for $c in (($low, $left), ($high, $kept)) if $c[0] > $low]\n$out = $a[0]",
    ),
    step(
        "enumerated",
        "$a = {$b: $c for $b, $c in enumerate([$left, $kept])}\n$out = $a[1]",
        "$out = [$b for $c, $b in enumerate([$kept, $left]) if $c == 0][0]",
    ),
    step(
        "heap",
        """
        $a = []
        heappush($a, ($high, $left))
        heappush($a, ($low, $kept))
        $out = heappop($a)[1]
        """,
    ),
)
