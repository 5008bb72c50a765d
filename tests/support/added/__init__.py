"""Files as somebody would add them: one of each kind, and the folders of two problems."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent
# Each file by the folder of `tasks` that it is added to.
PLACES = {
    "camembert": "families",
    "ends": "objectives",
    "norms": "tuning",
    "alone": "explanations",
    "listed": "sources",
    "images/regnet": "families/images",
    "images/smoothed": "objectives/images",
    "images/stripes": "sources/images",
}
SORTED = "tasks/problems/image_classification"  # what the added problem on pictures is a copy of


def file_of(name: str) -> dict[str, str]:
    """The text of an added file, by its path from the root."""
    path = HERE / f"{name}.py"
    return {f"tasks/{PLACES[name]}/{path.name}": path.read_text()}


def rating_problem(folder: str = "rating", headline: str = "spearman") -> dict[str, str]:
    """The files of a problem that predicts a number."""
    return {
        f"tasks/problems/{folder}/{file.name}": file.read_text().replace(
            'HEADLINE = "spearman"', f'HEADLINE = "{headline}"'
        )
        for file in (HERE / "rating").glob("*.py")
    }


def sorting() -> dict[str, str]:
    """The files of a problem on pictures: image classification with another headline metric."""
    root = HERE.parent.parent.parent
    files = {}
    for file in (root / SORTED).glob("*.py"):
        text = file.read_text().replace("problems.image_classification", "problems.sorting")
        text = text.replace('HEADLINE = "accuracy"', 'HEADLINE = "macro_f1"')
        files[f"tasks/problems/sorting/{file.name}"] = text
    return files


def every_file() -> dict[str, str]:
    """A file of each kind, by its path from the root."""
    files = rating_problem() | sorting()
    for name in PLACES:
        files |= file_of(name)
    return files
