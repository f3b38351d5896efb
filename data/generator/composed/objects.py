"""Steps through objects of special behaviour: tuples with names, inheritance, subscripts, calls, contexts."""

from data.generator.composed.step import step

OBJECTS = (
    step(
        "named-tuple",
        """
        $K = namedtuple('$K', '$k $l')
        ---
        $a = $K($kept, $left)
        $out = $a.$k
        """,
        """
        class $K(NamedTuple):
            $k: object
            $l: object
        ---
        $a = $K($left, $kept)
        $out = $a[1]
        """,
    ),
    step(
        "typed-dict",
        """
        class $K(TypedDict):
            $k: str
            $l: str
        ---
        $a = $K($k=$left, $l=$kept)
        $out = $a['$l']
        """,
    ),
    step(
        "inherited",
        """
        class $K:
            def $f(self, $left_as_a, $kept_as_b):
                return $kept_as_b


        class Own$K($K):
            pass
        ---
        $out = Own$K().$f($left, $kept)
        """,
        """
        class $K:
            def $f(self, $a, $b):
                return $a


        class Own$K($K):
            def $f(self, $c, $d):
                return super().$f($d, $c)
        ---
        $out = Own$K().$f($left, $kept)
        """,
    ),
    step(
        "subscript",
        """
        class $K:
            def __init__(self, *$a):
                self.$k = $a

            def __getitem__(self, $b):
                return self.$k[$b]
        ---
        $c = $K($left, $kept)
        $out = $c[1]
        """,
    ),
    step(
        "callable-object",
        """
        class $K:
            def __call__(self, $kept_as_a, $left_as_b):
                return $kept_as_a
        ---
        $c = $K()
        $out = $c($kept, $left)
        """,
    ),
    step(
        "object-iterates",
        """
        class $K:
            def __init__(self, $a, $b):
                self.$k, self.$l = $b, $a

            def __iter__(self):
                yield self.$k
        ---
        $out, = $K($left, $kept)
        """,
    ),
    step(
        "object-as-context",
        """
        class $K:
            def __init__(self, $kept_as_a, $left_as_b):
                self.$k = $kept_as_a

            def __enter__(self):
                return self.$k

            def __exit__(self, *$c):
                return False
        ---
        with $K($kept, $left) as $out:
            $note
        """,
    ),
    step(
        "missing-attribute",
        """
        class $K:
            def __init__(self, $left_as_a, $kept_as_b):
                self.$k = {'$l': $kept_as_b}

            def __getattr__(self, $c):
                return self.$k[$c]
        ---
        $out = $K($left, $kept).$l
        """,
    ),
    step(
        "nested-attribute",
        """
        $a = SimpleNamespace($k=SimpleNamespace($l=$left))
        $a.$k.$l = $kept
        $out = $a.$k.$l
        """,
        "$a = SimpleNamespace($k=SimpleNamespace($l=$left), $m=$kept)\n$out = $a.$m",
    ),
    step(
        "object-dict",
        """
        $a = SimpleNamespace($k=$left)
        $a.__dict__['$l'] = $kept
        $out = $a.$l
        """,
    ),
    step(
        "thread-local",
        """
        $a = threading.local()
        $a.$k, $a.$l = $left, $kept
        $out = $a.$l
        """,
    ),
    step(
        "attribute-getter",
        "$a = SimpleNamespace($k=$kept, $l=$left)\n$out = attrgetter('$k')($a)",
        "$out = itemgetter(1)([$left, $kept])",
    ),
)
