"""Steps through loops: which of two values is in a name behind them."""

from data.generator.composed.step import step

LOOPS = (
    step(
        "while-breaks",
        """
        while True:
            $out = $kept
            break
            $left_as_out = $left
        """,
        """
        $left_as_out = $left
        while $true:
            $out = $kept
            break
        """,
    ),
    step(
        "while-counts",
        """
        $a = 0
        while $a < 2:
            $out = [$left, $kept][$a]
            $a += 1
        """,
        """
        $a, $b = 0, [$kept, $left]
        while $b:
            $out = $b.pop()
            $a += 1
        """,
    ),
    step(
        "last-of-a-loop",
        """
        for $out in ($left, $kept):
            $note
        """,
        """
        for $a in [$left, $kept]:
            $out = $a
        """,
    ),
    step(
        "first-of-a-loop",
        """
        for $out in ($kept, $left):
            break
        """,
        """
        for $a in [$kept, $left]:
            $out = $a
            break
        """,
    ),
    step(
        "loop-skips",
        """
        for $a, $b in ((1, $left), (2, $kept)):
            if $a == 1:
                continue
            $out = $b
        """,
        """
        for $a, $b in (('$k', $kept), ('$l', $left)):
            if $a == '$l':
                continue
            $out = $b
        """,
    ),
    step(
        "loop-else",
        """
        for $a in (1, 2):
            $left_as_out = $left
        else:
            $out = $kept
        """,
        """
        for $a in (1, 2):
            if $a == 2:
                $out = $kept
                break
        else:
            $left_as_out = $left
        """,
    ),
    step(
        "loop-with-index",
        """
        for $a, $b in enumerate([$left, $kept]):
            if $a == 1:
                $out = $b
        """,
        """
        for $a in range(2):
            $out = ($left, $kept)[$a]
        """,
    ),
    step(
        "collected-in-a-loop",
        """
        $a = []
        for $b in ($left, $kept):
            $a.append($b)
        $out = $a[-1]
        """,
        """
        $a = {}
        for $b, $c in (('$k', $left), ('$l', $kept)):
            $a[$b] = $c
        $out = $a['$l']
        """,
    ),
    step(
        "dictionary-of-branches",
        "$a = {True: $kept, False: $left}[$true]\n$out = $a",
        "$out = {True: $left, False: $kept}[$false]",
    ),
)
