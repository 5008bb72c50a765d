"""What pictures with masks are split by: also by how much is not of their largest class."""

SLICES = ("label", "size", "brightness")


def labels_of(text: str) -> list[str]:
    """The classes in a mask."""
    from tasks.data.images.masks import names_in

    return names_in(text)


def size_of(text: str) -> float:
    """The pixels that are of another class than the largest, which mostly is the background."""
    from tasks.data.images.masks import from_text

    mask, names = from_text(text)
    largest = max(((mask == number).sum() for number in range(len(names))), default=0)
    return float((mask >= 0).sum() - largest)
