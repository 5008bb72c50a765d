"""Names of variants, a file or a folder each: found on disk, so that adding one changes no list."""

from __future__ import annotations

from pathlib import Path

TASKS = Path(__file__).parents[2]


def names_in(package: str, file: str) -> tuple[str, ...]:
    """The folders of a package of `tasks` that have a file, by name, `_` written as `-`.

    Args:
        package: such as `problems`.
        file: what makes a folder a variant, such as `rows.py`.
    """
    found = (each.parent.name for each in (TASKS / package).glob(f"*/{file}"))
    return tuple(sorted(name.replace("_", "-") for name in found))


def modules_in(package: str) -> tuple[str, ...]:
    """The modules of a package of `tasks`, by name: one file each, `_` written as `-`.

    Args:
        package: such as `families`; a file whose name begins with `_` is no variant.
    """
    found = (each.stem for each in (TASKS / package).glob("*.py"))
    return tuple(sorted(name.replace("_", "-") for name in found if not name.startswith("_")))
