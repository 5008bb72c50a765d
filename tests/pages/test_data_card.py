"""The data card."""

from tasks.data.tally import Lengths, Tally, cell
from tasks.pages.data_card import show


def test_quantiles_are_lengths_that_occur():
    lengths = Lengths()
    for length in [1, 2, 2, 3, 100]:
        lengths.add(length)
    assert lengths.quantiles((0.0, 0.5, 1.0)) == [1, 2, 100]
    assert lengths.total == 108
    assert Lengths().quantiles((0.5,)) == [0]


def test_the_page_has_sizes_findings_labels_and_ten_examples(tmp_path):
    tally = Tally("things", "rows", ("train", "test"), "rows")
    for n in range(40):
        tally.add(
            "train" if n % 4 else "test",
            f"d{n}",
            f"the text | {n}",
            ("ab"[n % 2],),
            ("a", f"x | {n}"),
        )
    tally.write(tmp_path / "tally.json", {"duplicates": 1234})
    show(tmp_path, tmp_path)
    page = (tmp_path / "card.md").read_text()
    assert page.startswith("# things\n")
    assert "| train | 30 |" in page
    assert "| duplicates | 1,234 |" in page
    assert "| a | 10 (33.3 %) | 10 (100.0 %) |" in page
    assert sum("\\|" in line for line in page.splitlines()) == 10
    assert (tmp_path / "labels.png").stat().st_size > 1000


def test_cells_are_one_short_line():
    assert cell("a|b\nc") == "a|b c"
    assert len(cell("x" * 1000)) == 300
