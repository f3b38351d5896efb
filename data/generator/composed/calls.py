"""Steps through calls: arguments of all kinds, results, calls of calls."""

from data.generator.composed.step import TEXT, step

CALLS = (
    step(
        "argument",
        """
        def $f($kept_as_a, $left_as_b):
            return $kept_as_a
        ---
        $out = $f($kept, $left)
        """,
        """
        def $f($left_as_a, $kept_as_b):
            return $kept_as_b
        ---
        $out = $f($left, $kept)
        """,
    ),
    step(
        "keyword-argument",
        """
        def $f($kept_as_a, $left_as_b):
            return $kept_as_a
        ---
        $out = $f($b=$left, $a=$kept)
        """,
        """
        def $f(*, $left_as_a, $kept_as_b):
            return $kept_as_b
        ---
        $out = $f($a=$left, $b=$kept)
        """,
    ),
    step(
        "default-argument",
        """
        def $f($a, $kept_as_b='$word'):
            return $kept_as_b
        ---
        $out = $f($left, $kept)
        """,
        """
        def $f($kept_as_a, $b='$word'):
            return $kept_as_a
        ---
        $out = $f($kept, $left)
        """,
        """
        def $f($kept_as_a, $left_as_b='$word'):
            return $kept_as_a or $left_as_b
        ---
        $out = $f($kept, $b=$left)
        """,
        carries=TEXT,
    ),
    step(
        "default-of-definition",
        """
        def $f($kept_as_a=$kept, $left_as_b=$left):
            return $kept_as_a
        $out = $f()
        """,
        """
        def $f($a, $left_as_b=$left, $kept_as_c=$kept):
            return $kept_as_c
        $out = $f('$word')
        """,
    ),
    step(
        "all-arguments",
        """
        def $f(*$a):
            return $a[1]
        ---
        $out = $f($left, $kept)
        """,
        """
        def $f(*$a):
            return $a[0]
        ---
        $out = $f($kept, $left, '$word')
        """,
    ),
    step(
        "all-keywords",
        """
        def $f(**$a):
            return $a['$k']
        ---
        $out = $f($k=$kept, $l=$left)
        """,
        """
        def $f(**$a):
            return $a.get('$l')
        ---
        $out = $f($k=$left, $l=$kept)
        """,
    ),
    step(
        "spread-arguments",
        """
        def $f($left_as_a, $kept_as_b):
            return $kept_as_b
        ---
        $c = ($left, $kept)
        $out = $f(*$c)
        """,
        """
        def $f($kept_as_a, $left_as_b):
            return $kept_as_a
        ---
        $c = {'$b': $left, '$a': $kept}
        $out = $f(**$c)
        """,
    ),
    step(
        "several-results",
        """
        def $f($left_as_a, $kept_as_b):
            return $kept_as_b, $left_as_a
        ---
        $out, $left_as_c = $f($left, $kept)
        """,
        """
        def $f($kept_as_a, $left_as_b):
            return [$kept_as_a, $left_as_b]
        ---
        $out = $f($kept, $left)[0]
        """,
    ),
    step(
        "early-return",
        """
        def $f($left_as_a, $kept_as_b):
            if $false:
                return $left_as_a
            return $kept_as_b
        ---
        $out = $f($left, $kept)
        """,
        """
        def $f($kept_as_a, $left_as_b):
            if $true:
                return $kept_as_a
            return $left_as_b
        ---
        $out = $f($kept, $left)
        """,
    ),
    step(
        "two-helpers",
        """
        def $f($left_as_a, $kept_as_b):
            return $kept_as_b


        def $g($kept_as_c, $left_as_d):
            return $f($left_as_d, $kept_as_c)
        ---
        $out = $g($kept, $left)
        """,
    ),
    step(
        "recursion",
        """
        def $f($kept_as_a, $left_as_b, $c):
            if $c == 0:
                return $kept_as_a
            return $f($kept_as_a, $left_as_b, $c - 1)
        ---
        $out = $f($kept, $left, 3)
        """,
        """
        def $f($a, $b, $c):
            if $c == 0:
                return $a
            return $f($b, $a, $c - 1)
        ---
        $out = $f($left, $kept, 1)
        """,
    ),
    step(
        "argument-reassigned",
        """
        def $f($left_as_a, $kept_as_b):
            $kept_as_a = $kept_as_b
            return $kept_as_a
        ---
        $out = $f($left, $kept)
        """,
    ),
    step(
        "list-filled-by-function",
        """
        def $f($a, $kept_as_b, $left_as_c):
            $a.append($kept_as_b)
        ---
        $d = []
        $f($d, $kept, $left)
        $out = $d[0]
        """,
        """
        def $f($a, $left_as_b, $kept_as_c):
            $a['$k'] = $kept_as_c
        ---
        $d = {}
        $f($d, $left, $kept)
        $out = $d['$k']
        """,
    ),
)
