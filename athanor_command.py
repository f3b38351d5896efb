"""The command `athanor`: begins with Athanor's own packages, whatever a project around it calls its own."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

# No import of a package stands above `claim`: even `import athanor` asks first whether its packages are hidden.
OWN_PACKAGES = ("domain", "application", "infrastructure", "presentation")


def main() -> None:
    """Run the command line. In this process nobody else's packages are wanted under these names."""
    claim()
    from presentation.cli.__main__ import program as run

    run()


def claim() -> None:
    """Load Athanor's own packages from beside this file, and so everything below them."""
    for name in OWN_PACKAGES:
        place = Path(__file__).resolve().parent / name
        spec = spec_from_file_location(name, place / "__init__.py", submodule_search_locations=[str(place)])
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = package = module_from_spec(spec)
        spec.loader.exec_module(package)


if __name__ == "__main__":
    main()
