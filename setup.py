"""Names the packages of the wheel: pyproject.toml can either find packages or map directories, and we need both.

`data/` and `configs/` stay where a checkout has them and are installed below `athanor`, as its resources.
"""

from setuptools import find_packages, setup

RESOURCES = {"athanor.data": "data", "athanor.configs": "configs"}
OWN = ("athanor", "domain", "application", "infrastructure", "presentation")

setup(
    packages=[*find_packages(include=[pattern for name in OWN for pattern in (name, f"{name}.*")]), *RESOURCES],
    package_dir=RESOURCES,
)
