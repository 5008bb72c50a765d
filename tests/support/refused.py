"""Bad input that is refused before anything is computed: the command ends with 2.

Here what is wrong with the experiment; `refused_data.py` has what is wrong with its data.
"""

from __future__ import annotations

from tasks import families
from tests.support.refused_data import REFUSED_DATA
from tests.support.spoiling import Mistake, data, made, moved_away, setting, written


def yaml(kind: str, text: str, *said: str) -> Mistake:
    """A file of the experiment that cannot be one."""
    return Mistake(kind, said, (written("tiny.yaml", text),))


FILE = [
    yaml("a YAML syntax error", "name: tiny\nseed: [1\n", "tiny.yaml:3: not valid YAML"),
    yaml("a tab", "pretraining:\n\tsteps: 3\n", "tiny.yaml:2: not valid YAML", "'\\t'"),
    yaml("YAML that is a list", "- seed\n", "found list; accepted: fields, as `name: value`"),
    yaml("YAML that is empty", "# nothing yet\n", "found an empty file; accepted: fields"),
    yaml("a key twice", "seed: 1\nname: a\nseed: 2\n", "tiny.yaml:3: seed is given twice"),
    yaml("a nested key twice", "model:\n  heads: 1\n  heads: 2\n", "tiny.yaml:3: model.heads"),
    yaml("a key that is a number", "model: {1: 2}\n", "model.1: no such field. Accepted here"),
    yaml("YAML without end", "corpus: &a\n  source: *a\n", "tiny.yaml:1: lists in lists"),
    yaml("brackets without end", "[" * 5000, "tiny.yaml:1: not valid YAML: lists in lists"),
    yaml("a date that is none", "name: 2026-13-45\n", "tiny.yaml:1: not valid YAML: month"),
    yaml("a tag of Python", "seed: !!python/name:os.system\n", "tiny.yaml:1: not valid YAML"),
    yaml("a zero byte in YAML", "name: a\nseed: \0\n", "tiny.yaml:2: not valid YAML"),
    yaml("two documents", "seed: 1\n---\nseed: 2\n", "tiny.yaml:2: not valid YAML: but found"),
    yaml("YAML of a deep list", "[" * 100_000, "tiny.yaml:1: not valid YAML: lists in lists"),
    yaml("YAML of 30 MB", "name: " + "a" * 30_000_000, "tiny.yaml: more than 1,000,000 bytes"),
    yaml("a long value", "seed: 1\nname: " + "a" * 900_000, "tiny.yaml:2: a value of 900,000"),
    yaml("a long number", "seed: 1" + ":1" * 200_000, "tiny.yaml:1: a value of 400,001 char"),
    yaml(
        "aliases that merge to gigabytes",
        "a0: &a0 {x: 1}\n"
        + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 12)),
        "lists in lists without end (an alias to what it stands in?)",
    ),
    data(
        "YAML in UTF-16",
        "",
        written("tiny.yaml", "seed: 1\n".encode("utf-16")),
        said=("tiny.yaml:1: not UTF-8 text (byte 0 of the file)",),
    ),
    data(
        "YAML in ISO-8859-1",
        "",
        written("tiny.yaml", b"seed: 1\n# na\xefve\n"),
        said=("tiny.yaml:2: not UTF-8 text (byte 12 of the file)",),
    ),
    data(
        "no such file",
        "",
        moved_away("tiny.yaml"),
        written("tini.yaml", "seed: 1\n"),
        said=("tiny.yaml: no such file; did you mean tini.yaml",),
    ),
    data(
        "a folder as the file",
        "",
        moved_away("tiny.yaml"),
        made("tiny.yaml"),
        said=("tiny.yaml is a folder; accepted: a .yaml file",),
    ),
]

FIELDS = [
    yaml("a misspelt field", "pretraining:\n  stepz: 3\n", ":2: pretraining.stepz", "mean steps."),
    yaml("a misspelt part", "modle: {layers: 2}\n", ":1: modle: no such field; did you mean model"),
    yaml(
        "text for a number", "model: {layers: two}\n", "model.layers: found 'two'", "whole number"
    ),
    yaml("a fraction", "model: {layers: 1.5}\n", "model.layers: found 1.5", "a whole number"),
    yaml("1e3 for whole steps", "pretraining: {steps: 1e3}\n", "steps: found '1e3'", "whole"),
    yaml("yes for a number", "pretraining: {steps: yes}\n", "steps: found True", "a whole number"),
    yaml("a word for yes or no", "tokenizer: {lowercase: maybe}\n", "'maybe'", "auto, true, false"),
    yaml("a number for a name", "name: 2024\n", "name: found 2024", "in quotes it is text"),
    yaml("a list for fields", "model: [2]\n", "tiny.yaml:1: model: found a list; accepted: fields"),
    yaml("fields for a list", "downstream: {name: a}\n", "downstream: found a group of fields"),
    yaml("a part of nothing", "seed: 1\ncorpus:\n", "tiny.yaml:2: corpus: found nothing"),
    yaml(
        "a wrong choice",
        "model: {family: brt}\n",
        f"accepted: {', '.join(families.names())}; did you mean bert",
    ),
    setting("too small", "model.layers=-1", "model.layers: found -1", "at least 0"),
    setting("too large", "pretraining.learning_rate=3", "learning_rate: found 3", "at most 1"),
    setting("not a number", "pretraining.learning_rate=.nan", "learning_rate: found nan"),
    setting("not a number as text", "pretraining.learning_rate=nan", "learning_rate: found 'nan'"),
    setting("infinite", "pretraining.max_gradient_norm=.inf", "max_gradient_norm: found inf"),
    setting("heads that do not divide", "model.heads=3", "heads (3) must divide hidden_size (16)"),
    setting("a sequence too long", "pretraining.sequence_length=128", "model.max_positions (64)"),
    setting("an example too long", "downstream.mood.max_length=99", "mood.max_length", "(64)"),
    setting("pairs for RoBERTa", "model.family=roberta", "pretraining.objective", "with it: mlm"),
    setting(
        "a field of another problem",
        "downstream.mood.columns.tags=x",
        "downstream.mood.columns.tags: found 'x', but problem is 'text-classification'; the field",
        "counts only with token-classification (accepted here: 'tags')",
    ),
    setting(
        "a size for a published tokenizer",
        "tokenizer.published={data}/vocab.txt",
        "tokenizer.vocab_size: found 200, but published is '{data}/vocab.txt'",
        "counts only without published (accepted here: 8192)",
    ),
    setting("a name out of the folder", "name=../elsewhere", "name: found '../elsewhere'", "match"),
    setting("a problem out of it", "downstream.mood.name=a/b", "downstream.", "found 'a/b'"),
    setting("a problem without a name", "downstream.mood.name=", "name: found ''", "matching"),
    setting("two problems of a name", "downstream.mood.name=names", "is the name of 2 problems"),
    setting("shares of all rows", "downstream.mood.test_share=0.95", "leave nothing to train on"),
    setting("sizes beyond all memory", "model.layers=1000000000000", "at least 0, at most 96"),
    setting("no heads", "model.heads=-1", "model.heads: found -1; accepted: a whole number, at l"),
    setting(
        "an unknown size", "model.size=huge", "model.size: found 'huge'; accepted with model.fam"
    ),
    setting("a date where a number is asked", "seed=2026-13-45", "seed: found '2026-13-45'"),
    setting("a deep setting", "seed=" + "[" * 5_000, "seed: found '[[[", "a whole number"),
    setting("a misspelt setting", "pretraining.step=3", "--set pretraining.step=3", "mean steps."),
    setting("a setting of no problem", "downstream.mod.epochs=1", "did you mean mood"),
    setting("a setting without a value", "seed", "accepted: --set a.b=value"),
    setting("a setting below a value", "name.a=1", "--set name.a=1: name has no fields"),
]

COMMAND = [
    Mistake("an unknown stage", ("did you mean pretraining",), words=("--refresh", "pretrainin")),
    Mistake(
        "results into no folder",
        ("--output {data}/no/out.json: no folder {data}/no",),
        words=("--output", "{data}/no/out.json"),
    ),
    Mistake(
        "results where none can be",
        ("--output /proc/version/out.json: no folder",),
        words=("--output", "/proc/version/out.json"),
    ),
    Mistake(
        "a state folder below a file",
        ("TEMPER_HOME: cannot write to {data}/moods.csv/home", "set TEMPER_HOME to a folder"),
        environment={"TEMPER_HOME": "{data}/moods.csv/home"},
    ),
    Mistake(
        "a state folder that is read-only",
        ("TEMPER_HOME: cannot write to /sys/temper", "set TEMPER_HOME to a folder"),
        environment={"TEMPER_HOME": "/sys/temper"},
    ),
    Mistake(
        "a precision of versions that is none",
        ("TEMPER_VERSIONS is 'patch'; accepted: minor, exact, ignored",),
        environment={"TEMPER_VERSIONS": "patch"},
    ),
    Mistake(
        "an MLflow that is none",
        ("MLFLOW_TRACKING_URI is 'foo://bar'; accepted: http://…",),
        environment={"MLFLOW_TRACKING_URI": "foo://bar"},
    ),
    Mistake(
        "a Prefect that is none",
        ("PREFECT_API_URL is 'localhost:4200'; accepted: http://HOST:PORT/api",),
        environment={"PREFECT_API_URL": "localhost:4200"},
    ),
]

REFUSED = [*FILE, *FIELDS, *COMMAND, *REFUSED_DATA]
