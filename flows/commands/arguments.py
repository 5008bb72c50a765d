"""Arguments of several commands: an experiment, changes to it, how cached files are checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.recipes.image_stages import IMAGE_NAMES
from flows.recipes.stages import NAMES
from tasks.machinery.host.digest_memo import Verification

ExperimentArgument = Annotated[
    str,
    typer.Argument(
        metavar="[PRESET | FILE.yaml]",
        help="A shipped experiment (see `temper presets`) or a file of your own.",
        show_default=True,
    ),
]
SetOption = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="a.b=VALUE",
        help="Change a value of the experiment; a downstream problem by its name or index: "
        "downstream.library.epochs=3. May be repeated; the run's name shows the changes.",
    ),
]
VerifyOption = Annotated[
    Verification,
    typer.Option(
        help="How to check cached files: by size and cached digests, or by reading every byte.",
    ),
]
RefreshOption = Annotated[
    list[str],
    typer.Option(
        "--refresh",
        metavar="STAGE",
        help=f"Recompute a stage although it is cached: {', '.join(NAMES)}; on images: "
        f"{', '.join(IMAGE_NAMES)}. May be repeated.",
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE.json", help="Also write the results as JSON.", dir_okay=False),
]
