"""What pictures with boxes are split by: also by how large their objects are."""

SLICES = ("label", "size", "brightness")


def labels_of(text: str) -> list[str]:
    """The label of each object."""
    from tasks.data.images.boxes import objects_in

    return [box.label for box in objects_in(text)]


def size_of(text: str) -> float:
    """The mean area of the objects in pixels; 0 without one."""
    from tasks.data.images.boxes import objects_in

    areas = [box.area for box in objects_in(text)]
    return sum(areas) / len(areas) if areas else 0.0
