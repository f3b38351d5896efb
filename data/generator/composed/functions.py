"""Steps through functions as values: closures, tables of functions, generators, decorators, contexts."""

from data.generator.composed.step import TEXT, step

FUNCTIONS = (
    step(
        "closure",
        """
        def $f():
            return $kept
        $out = $f()
        $a = [$left]
        """,
        """
        def $f($a):
            def $g():
                return $a
            return $g
        ---
        $b, $c = $f($left), $f($kept)
        $out = $c()
        """,
        """
        def $f($kept_as_a, $left_as_b):
            return lambda: $kept_as_a
        ---
        $out = $f($kept, $left)()
        """,
    ),
    step(
        "nonlocal",
        """
        $left_as_a = $left
        def $f($kept_as_b):
            nonlocal $a
            $kept_as_a = $kept_as_b
        $f($kept)
        $out = $kept_as_a
        """,
    ),
    step(
        "lambda",
        "$a = lambda $b, $c: $b\n$out = $a($kept, $left)",
        "$a = lambda $b, $c: ($c, $b)\n$out = $a($left, $kept)[0]",
        "$a = lambda $b=$left, $c=$kept: $c\n$out = $a()",
    ),
    step(
        "partial",
        """
        def $f($left_as_a, $kept_as_b):
            return $kept_as_b
        ---
        $c = partial($f, $left)
        $out = $c($kept)
        """,
        """
        def $f($kept_as_a, $left_as_b):
            return $kept_as_a
        ---
        $c = functools.partial($f, $b=$left)
        $out = $c($kept)
        """,
    ),
    step(
        "map",
        "$a = list(map(lambda $b: $b, [$left, $kept]))\n$out = $a[1]",
        "$a, $b = map(lambda $c: ($c, '$word')[0], ($kept, $left))\n$out = $a",
    ),
    step(
        "reduce",
        "$out = reduce(lambda $a, $b: $b, [$left, $kept])",
        "$out = functools.reduce(lambda $a, $b: $a, [$kept, $left])",
    ),
    step(
        "table-of-functions",
        "$a = {'$k': lambda: $left, '$l': lambda: $kept}\n$out = $a['$l']()",
        "$a = [lambda: $kept, lambda: $left]\n$out = $a[0]()",
    ),
    step(
        "function-as-argument",
        """
        def $f($a, $kept_as_b, $left_as_c):
            return $a($kept_as_b)
        ---
        $out = $f(lambda $d: $d, $kept, $left)
        """,
    ),
    step(
        "generator",
        """
        def $f($left_as_a, $kept_as_b):
            yield $left_as_a
            yield $kept_as_b
        ---
        $c = $f($left, $kept)
        next($c)
        $out = next($c)
        """,
        """
        def $f($kept_as_a, $left_as_b):
            yield $kept_as_a
            yield $left_as_b
        ---
        $out = next($f($kept, $left))
        """,
    ),
    step("generator-expression", "$a = ($b for $b in ($kept, $left))\n$out = next($a)"),
    step(
        "yield-from",
        """
        def $f($a):
            yield from $a
        ---
        $out = list($f([$left, $kept]))[1]
        """,
    ),
    step(
        "sent-to-generator",
        """
        def $f():
            $a = yield
            $b = yield $a
            yield $b
        ---
        $c = $f()
        next($c)
        $c.send($left)
        $out = $c.send($kept)
        """,
    ),
    step(
        "decorator",
        """
        def $f($a):
            def $g(*$b):
                return $a(*$b)
            return $g


        @$f
        def $h($left_as_c, $kept_as_d):
            return $kept_as_d
        ---
        $out = $h($left, $kept)
        """,
        """
        def $f($a):
            def $g($b, $c):
                return $a($c, $b)
            return $g


        @$f
        def $h($d, $e):
            return $d
        ---
        $out = $h($left, $kept)
        """,
    ),
    step(
        "cached",
        """
        @lru_cache
        def $f($kept_as_a, $left_as_b):
            return $kept_as_a
        ---
        $out = $f($kept, $left)
        """,
    ),
    step(
        "context-manager",
        """
        @contextmanager
        def $f($kept_as_a, $left_as_b):
            yield $kept_as_a
        ---
        with $f($kept, $left) as $out:
            $note
        """,
        """
        with nullcontext($kept) as $out, nullcontext($left):
            $note
        """,
    ),
    step(
        "context-variable",
        """
        $a = ContextVar('$k', default=$left)
        $a.set($kept)
        $out = $a.get()
        """,
        """
        $a = ContextVar('$k')
        $a.set($left)
        $out = ContextVar('$l').get($kept)
        """,
    ),
    step(
        "exit-stack",
        """
        with ExitStack() as $a:
            $b = $a.enter_context(nullcontext($left))
            $out = $a.enter_context(nullcontext($kept))
        """,
    ),
    step(
        "call-later",
        """
        $a = []
        for $b in ($left, $kept):
            $a.append(partial(str, $b))
        $out = $a[1]()
        """,
        carries=TEXT,
    ),
)
