"""What classified pictures are split by."""

SLICES = ("label", "brightness")


def labels_of(text: str) -> list[str]:
    """The label."""
    return [text]
