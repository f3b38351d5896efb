"""Steps through branches, exceptions and assignments: which of two values is in a name at the end."""

from data.generator.composed.step import TEXT, step

BRANCHES = (
    step(
        "assigned-twice",
        "$left_as_out = $left\n$out = $kept",
        """
        $left_as_out = $left
        $note
        $out = $kept
        """,
    ),
    step("assigned-in-a-row", "$a = $b = $left\n$out = $a = $kept"),
    step(
        "alias",
        """
        $kept_as_a = $kept
        $left_as_b = $left
        $out = $kept_as_a
        """,
        """
        $left_as_a = $left
        $kept_as_b = $kept
        $left_as_c = $left_as_a
        $out = $kept_as_b
        """,
    ),
    step(
        "swap",
        """
        $kept_as_a, $left_as_b = $kept, $left
        $left_as_a, $kept_as_b = $left_as_b, $kept_as_a
        $out = $kept_as_b
        """,
        """
        $left_as_a = $left
        $kept_as_b = $kept
        $kept_as_a, $left_as_b = $kept_as_b, $left_as_a
        $out = $kept_as_a
        """,
    ),
    step(
        "swap-by-a-third",
        """
        $left_as_a = $left
        $kept_as_b = $kept
        $left_as_c = $left_as_a
        $kept_as_a = $kept_as_b
        $left_as_b = $left_as_c
        $out = $kept_as_a
        """,
    ),
    step(
        "if-else",
        """
        if $true:
            $out = $kept
        else:
            $left_as_out = $left
        """,
        """
        if $false:
            $left_as_out = $left
        else:
            $out = $kept
        """,
    ),
    step(
        "if-overwrites",
        """
        $left_as_out = $left
        if $true:
            $out = $kept
        """,
        """
        $out = $kept
        if $false:
            $left_as_out = $left
        """,
    ),
    step(
        "elif",
        """
        if $false:
            $out = '$word'
        elif $true:
            $out = $kept
        else:
            $left_as_out = $left
        """,
    ),
    step(
        "flag",
        """
        $a = $low
        if $a < $high:
            $out = $kept
        else:
            $left_as_out = $left
        """,
        """
        $a = $high
        if $a == $low:
            $left_as_out = $left
        else:
            $out = $kept
        """,
    ),
    step(
        "flag-in-a-loop",
        """
        $out = $kept
        for $a in range($high):
            if $a > $high:
                $left_as_out = $left
        """,
        """
        $left_as_out = $left
        for $a in range($high):
            if $a == $low:
                $out = $kept
        """,
    ),
    step(
        "conditional-expression",
        "$out = $kept if $true else $left",
        "$out = $left if $false else $kept",
        "$a = $low > $high\n$out = $left if $a else $kept",
    ),
    step("index-by-condition", "$out = ($left, $kept)[$true]", "$out = [$kept, $left][$false]"),
    step("or", "$a = $kept or $left\n$out = $a", "$out = '' or $kept\n$a = [$left]", carries=TEXT),
    step("and", "$out = $left and $kept", "$a = $left and $kept\n$out = $a", carries=TEXT),
    step(
        "walrus",
        """
        if ($out := $kept) is not None:
            $left_as_a = $left
        """,
        "$a = [$left, ($out := $kept)]",
        "print(($left_as_a := $left), ($out := $kept))",
    ),
    step(
        "match-value",
        """
        match '$k':
            case '$l':
                $left_as_out = $left
            case '$k':
                $out = $kept
            case _:
                $out = '$word'
        """,
        """
        match $low:
            case $low:
                $out = $kept
            case _:
                $left_as_out = $left
        """,
    ),
    step(
        "match-sequence",
        """
        match [$left, $kept]:
            case [$left_as_a, $kept_as_b]:
                $out = $kept_as_b
        """,
        """
        match ($kept, $left, '$word'):
            case ($kept_as_a, *$b):
                $out = $kept_as_a
        """,
    ),
    step(
        "match-mapping",
        """
        match {'$k': $left, '$l': $kept}:
            case {'$l': $kept_as_a}:
                $out = $kept_as_a
        """,
    ),
    step(
        "try-fails",
        """
        try:
            $left_as_out = $left
            {}['$k']
        except KeyError:
            $out = $kept
        """,
        """
        try:
            $low // 0
            $left_as_out = $left
        except ZeroDivisionError:
            $out = $kept
        """,
    ),
    step(
        "try-works",
        """
        try:
            $out = $kept
        except ValueError:
            $left_as_out = $left
        """,
        """
        try:
            $left_as_a = $left
        except KeyError:
            $note
        else:
            $out = $kept
        """,
    ),
    step(
        "finally",
        """
        try:
            $left_as_out = $left
        finally:
            $out = $kept
        """,
    ),
    step(
        "value-of-an-exception",
        """
        try:
            raise LookupError($left, $kept)
        except LookupError as $a:
            $out = $a.args[1]
        """,
        """
        try:
            raise ValueError($kept, $left)
        except ValueError as $a:
            $out, $b = $a.args
        """,
    ),
    step(
        "suppressed",
        """
        $out = $kept
        with suppress(KeyError):
            {}['$k']
            $left_as_out = $left
        """,
        """
        $left_as_out = $left
        with suppress(KeyError):
            $out = $kept
            {}['$k']
        """,
    ),
)
