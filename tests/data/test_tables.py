"""Tables, and what two of them have in common."""

from tasks.data.tables import TableWriter, count_overlap


def write(path, rows):
    with TableWriter(path, {"document": "string", "text": "string"}) as table:
        for document, text in rows:
            table.write({"document": document, "text": text}, len(text))
    return path


def test_rows_with_a_text_or_a_document_of_a_table_before_are_counted(tmp_path):
    first = write(tmp_path / "a", [("1", "one"), ("2", "two"), ("2", "two")])
    second = write(tmp_path / "b", [("3", "one "), ("2", "other"), ("4", "four")])
    third = write(tmp_path / "c", [("5", "four"), ("6", "six")])
    assert count_overlap([first, second, third], lambda row: str(row["text"])) == 3
