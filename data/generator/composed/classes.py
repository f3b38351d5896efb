"""Steps through objects: attributes, methods, properties, state."""

from data.generator.composed.step import step

CLASSES = (
    step(
        "namespace",
        "$a = SimpleNamespace($k=$left, $l=$kept)\n$out = $a.$l",
        """
        $a = SimpleNamespace($k=$left)
        $a.$k = $kept
        $out = $a.$k
        """,
    ),
    step(
        "argparse-namespace",
        "$a = argparse.Namespace($k=$kept, $l=$left)\n$out = $a.$k",
        "$a = argparse.Namespace($k=$left, $l=$kept)\n$out = vars($a)['$l']",
    ),
    step(
        "attribute-by-name",
        """
        $a = SimpleNamespace()
        setattr($a, '$k', $left)
        setattr($a, '$l', $kept)
        $out = $a.$l
        """,
        "$a = SimpleNamespace($k=$kept)\n$out = getattr($a, '$k', $left)",
        "$a = SimpleNamespace($k=$left)\n$out = getattr($a, '$l', $kept)",
    ),
    step(
        "constructor",
        """
        class $K:
            def __init__(self, $kept_as_a, $left_as_b):
                self.$k = $kept_as_a
                self.$l = $left_as_b
        ---
        $c = $K($kept, $left)
        $out = $c.$k
        """,
        """
        class $K:
            def __init__(self, $left_as_a, $kept_as_b):
                self.$k = $left_as_a
                self.$l = $kept_as_b
        ---
        $out = $K($left, $kept).$l
        """,
    ),
    step(
        "method",
        """
        class $K:
            def $f(self, $left_as_a, $kept_as_b):
                return $kept_as_b
        ---
        $c = $K()
        $out = $c.$f($left, $kept)
        """,
        """
        class $K:
            @staticmethod
            def $f($kept_as_a, $left_as_b):
                return $kept_as_a
        ---
        $out = $K.$f($kept, $left)
        """,
    ),
    step(
        "class-method",
        """
        class $K:
            @classmethod
            def $f(cls, $left_as_a, $kept_as_b):
                return $kept_as_b
        ---
        $out = $K.$f($left, $kept)
        """,
    ),
    step(
        "state",
        """
        class $K:
            def $f(self, $a):
                self.$k = $a

            def $g(self):
                return self.$k
        ---
        $b = $K()
        $b.$f($left)
        $b.$f($kept)
        $out = $b.$g()
        """,
        """
        class $K:
            def $f(self, $a):
                self.$k = $a
                return self
        ---
        $b, $c = $K().$f($kept), $K().$f($left)
        $out = $b.$k
        """,
    ),
    step(
        "property",
        """
        class $K:
            def __init__(self, $left_as_a, $kept_as_b):
                self._$k = $kept_as_b
                self._$l = $left_as_a

            @property
            def $m(self):
                return self._$k
        ---
        $out = $K($left, $kept).$m
        """,
    ),
    step(
        "class-attribute",
        """
        class $K:
            $k = '$word'
        ---
        $K.$k = $left
        $a = $K()
        $a.$k = $kept
        $out = $a.$k
        """,
        """
        class $K:
            $k = '$word'
        ---
        $K.$k = $kept
        $a = $K()
        $a.$l = $left
        $out = $a.$k
        """,
    ),
    step(
        "dataclass",
        """
        @dataclass
        class $K:
            $k: object
            $l: object
        ---
        $a = $K($left, $kept)
        $out = $a.$l
        """,
        """
        @dataclass
        class $K:
            $k: object
            $l: object = '$word'
        ---
        $a = $K($l=$left, $k=$kept)
        $out = $a.$k
        """,
    ),
    step(
        "dataclass-replaced",
        """
        @dataclass(frozen=True)
        class $K:
            $k: object
        ---
        $a = replace($K($left), $k=$kept)
        $out = $a.$k
        """,
    ),
)
