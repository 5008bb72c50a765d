"""Stage `label-share` of pictures: a part of the training pictures, as if fewer were labelled.

As on text: shares are nested and stratified. The pixels of the chosen pictures, and what a problem
stores beside them, are written anew, so that a share takes its share of the disk.

It chooses pictures and finds nothing, so that it writes no finding.json.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tasks.contract import Monitor
from tasks.data.chosen_rows import choose_rows
from tasks.data.images.pixel_arrays import PixelFile, open_pixels
from tasks.problems import load
from tasks.problems.picture_rows import beside
from tasks.statistics.nested_shares import chosen_share, nested_order
from tasks.statistics.slicing.pictures import load_sliced

TRAIN, VALIDATION = "train", "validation"


def choose_share_of_pictures(
    problem: str,
    share: float,
    train_examples: int,
    seed: int,
    *,
    chosen_by: int = 0,
    data: Path,
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Write a share of the training pictures, and the validation pictures as they are.

    Args:
        problem: what is predicted.
        share: of the pictures that are trained on otherwise.
        train_examples: how many these are; 0 for all.
        seed: of the choice, apart from that of the training.
        chosen_by: seed of the training, which chooses the `train_examples` pictures; the share is
            of these.
        data: folder of stage `pixels` with the training and validation pictures.
        out: empty folder for the same.
        monitor: receives the progress, and a warning where a picture of each label is more than the
            share.

    Returns:
        `examples`: how many pictures were chosen.
    """
    sliced, texts = load_sliced(problem), load(problem).texts
    rows = choose_rows(data / f"{TRAIN}.parquet", texts, train_examples, chosen_by)
    names = [
        f"{document}\n{text}" for document, text in zip(rows["document"], texts(rows), strict=True)
    ]
    order, fewest = nested_order(list(map(sliced.labels_of, rows["label"])), names, seed)
    chosen, told = chosen_share(order, fewest, share)
    if told:
        monitor.warn(told)
    taken = rows.iloc[chosen]
    places = taken["place"].tolist()
    taken.assign(place=range(len(taken))).to_parquet(out / f"{TRAIN}.parquet", index=False)
    endings = (".npy", *beside(problem))
    for ending in endings:
        stored = open_pixels(data, f"{TRAIN}{ending.removesuffix('.npy')}")
        _, size, _, channels = stored.shape
        with PixelFile(out / f"{TRAIN}{ending}", len(places), size, channels) as file:
            for place in places:
                file.append(stored[place])
    for name in ("labels.json", *(f"{VALIDATION}{end}" for end in (".parquet", *endings))):
        shutil.copyfile(data / name, out / name)
    monitor.progress(len(taken), len(taken), "pictures")
    return {"examples": float(len(taken))}
