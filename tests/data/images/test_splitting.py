"""Which picture is in which split."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tasks.data.images.splitting import (
    PictureRow,
    assign,
    fill_validation,
    leave_out_tested,
)
from tasks.data.notices import Notices
from tasks.data.tables import TableWriter
from tasks.experiment.images.pictures import Images
from tasks.experiment.images.problem import ImageData


def pictures(count: int) -> list[PictureRow]:
    return [PictureRow(f"{n}.png", "", "", "", b"%d" % n) for n in range(count)]


def test_pictures_of_a_problem_to_pretrain_on_keep_their_validation_share(
    tmp_path: Path,
) -> None:
    """The test pictures of the problem are left out; the validation split is of the others."""
    rows = pictures(400)
    problem = ImageData(name="x", test_share=0.3, validation_share=0.1)
    assign(problem, rows, 0, Notices())
    held_out = tmp_path / "held_out.parquet"
    with TableWriter(held_out, {"key": "bytes"}) as table:
        for row in rows:
            if row.split == "test":
                table.write({"key": row.key}, 1)
    images = Images(validation_share=0.1)
    assign(images, rows, 0, Notices())
    leave_out_tested(rows, [held_out], Notices())
    counts = Counter(row.split for row in rows)
    assert 90 < counts[""] < 150
    assert 20 < counts["validation"] < 60


def test_of_few_pictures_one_is_for_validation_unless_the_source_has_some() -> None:
    images = Images(validation_share=0.01)
    for given in ("", "validation"):
        rows = pictures(5)
        rows[2].given = given
        assign(images, rows, 0, Notices())
        fill_validation(images, rows, seed=0)
        chosen = [row for row in rows if row.split == "validation"]
        assert len(chosen) == 1
        assert not given or chosen == [rows[2]]
