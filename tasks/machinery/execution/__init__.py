"""One run of a recipe: session, runner, planner, monitor, delivery, pages.

The life of a stage:

1. `StageCall` makes its key: its part of the experiment, its inputs by content, code, libraries.
2. An artifact with that key is verified and reused; otherwise its folder is leased.
3. A run opens in MLflow; an interrupted one of the same key is resumed.
4. The stage's function computes into an empty folder, from the last checkpoint if there is one.
5. The manifest is written last: from then on the artifact exists.
6. MLflow gets metrics, files and the status; if it is unreachable, a later run delivers them.
7. The page of the artifact is shown in Prefect.

Who does what:

- `session.opened` assembles the rest for one run, and closes it.
- `Runner` runs stages in order as Prefect tasks; `StageCall` is one of them, computed or reused.
- `Delivery` decides what to report of the run to MLflow, and when: now, at the end, or by a later
  run; its ledger (`host/ledger.py`) is the list of what is reported.
- `Recording` (`tracking/`) reports one stage: its run, curve, metrics, model, pages and status.
- `Tracking` is one experiment in MLflow: it opens, resumes and closes runs.
- `TrackedRun` is one run in MLflow; its `Sender` sends curves and tags in the background.

To add one: a stage needs nothing from here; see `tasks/stages`.
"""
