"""Functions that Bandit and the limits of a data set know what to say of."""

SAFE = '''def {name}(table, key):
    """Look {name} up."""
    found = table.get(key, {number})
    if found is None:
        raise KeyError("{name} %s" % key)
    return [found.{name}, {number}]
'''
WEAK = """def {name}(names, options):
    import subprocess
    for name in names:
        subprocess.run("{name} %s" % name, shell=True)
        options.{name} += {number}
    return len(names)
"""
BEFORE = '''def {name}(root, name):
    """Give a page."""
    path = root / name
    return path.read_text("{name}")
'''
AFTER = BEFORE.replace("root / name", "root / PurePath(name).name")


def safe(name: str, number: int = 7) -> str:
    """Write a function of which nothing is to be said."""
    return SAFE.format(name=name, number=number)


def weak(name: str, number: int = 7) -> str:
    """Write a function that Bandit objects to with high severity and high confidence."""
    return WEAK.format(name=name, number=number)
