"""`temper embed`: the features that a model's encoder computes of texts or pictures, as Parquet."""

from __future__ import annotations

import sys
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from flows.calls.embedding import Encoder, cut_in, report_cut
from flows.calls.inputs import note
from flows.commands.parts import ModelArgument
from flows.terminal.in_process import err, prepare, require_given, require_writable, stop
from tasks.contract import StageError

SUFFIX = ".parquet"


def embed(
    model: ModelArgument,
    file: Annotated[
        str,
        typer.Argument(
            metavar="[FILE | -]",
            help="Rows to read: .csv, .tsv, .jsonl, .json, .parquet, .arrow or .xlsx with a column "
            "of texts, or .txt with one text a line; also packed. `-` reads lines. For a model of "
            "pictures: one, or a folder.",
        ),
    ] = "-",
    *,
    output: Annotated[
        Path, typer.Option(metavar="FILE", dir_okay=False, help=f"Write this file ({SUFFIX}).")
    ],
    column: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="The column to read; by default that of the texts that the model learnt from, or "
            "`text`.",
        ),
    ] = "",
    skip_invalid: Annotated[
        bool,
        typer.Option(
            "--skip-invalid",
            help="Leave out rows without a text, or files that are no pictures, and report them; "
            "else they stop.",
        ),
    ] = False,
) -> None:
    """Write the features of texts or pictures, as a model computes them, to a Parquet file.

    A row has the text, or the name of the picture, and `features`: the mean over the last states
    of its tokens or places. The model may be pre-trained or fine-tuned. A text that is longer than
    the model's input is cut, which is reported.
    """
    if output.suffix.lower() != SUFFIX:
        stop([f"--output {output}: accepted: a file that ends in {SUFFIX}"])
    require_writable("--output", output)
    require_given(file)
    prepare()
    try:
        _embed(model, file, column, output, skip_invalid=skip_invalid)
    except StageError as error:
        stop([str(error)])


def _embed(reference: str, file: str, column: str, output: Path, *, skip_invalid: bool) -> None:
    """Resolve the model, read the rows, and write the features; all of them, or no file.

    Raises:
        StageError: there is no such model or file, or a row is not valid.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from tasks.machinery.host.files import writing_file
    from tasks.models.embedding import FEATURES

    encoder = Encoder.of(reference, err.print)
    tables, number = encoder.of_file(file, column, _progress, skip_invalid=skip_invalid)
    if not number:
        raise StageError(f"FILE: {file} has no row")
    first, cut = next(tables), 0
    name, width = str(first.columns[0]), len(first[FEATURES].iloc[0])
    schema = pa.schema({name: pa.string(), FEATURES: pa.list_(pa.float32(), width)})
    with writing_file(output) as partial, pq.ParquetWriter(partial, schema) as writer:
        for table in chain([first], tables):
            cut += cut_in(table)
            writer.write_table(pa.Table.from_pandas(table, schema, preserve_index=False))
    report_cut(cut)
    note(f"{number:,} rows, {width:,} features each: {output}")


def _progress(done: int, total: int) -> None:
    """Report how many rows are done, where somebody looks and it takes long."""
    if sys.stderr.isatty() and total > 2048:
        note(f"{done:,} of {total:,} rows")
