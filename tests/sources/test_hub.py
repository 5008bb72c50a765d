"""Data sets of the Hub, as far as they can be tried without a network."""

import datasets
import huggingface_hub as hub_client
import pytest

from tasks.contract import StageError
from tasks.data.rows import Column, Columns
from tasks.experiment.corpus import Corpus
from tasks.sources import resolve

COMMIT = "0123456789" * 4


@pytest.fixture
def hub(monkeypatch):
    """Puts tables in the place of the Hub: {split: {column: values}}; returns what is asked for."""

    def put(splits):
        asked = []

        def load(name, configuration, *, revision, streaming):
            asked.append((name, configuration, revision, streaming))
            return datasets.IterableDatasetDict(
                {split: data.to_iterable_dataset() for split, data in splits.items()}
            )

        monkeypatch.setattr(datasets, "load_dataset", load)
        monkeypatch.setattr(hub_client.HfApi, "repo_info", lambda *_, **__: None)
        return asked

    return put


def table(texts, labels):
    label = datasets.ClassLabel(names=["bad", "good"])
    features = datasets.Features({"text": datasets.Value("string"), "label": label})
    return datasets.Dataset.from_dict({"text": texts, "label": labels}, features=features)


def ignore(done, total, unit):
    pass


def test_documents_are_those_of_the_training_split_however_the_commit_is_written(hub):
    asked = hub({"test": table(["c"], [0]), "train": table(["a", "b"], [0, 1])})
    source = resolve(f"hf:owner/name:small@{COMMIT}", "corpus.source", "text")
    assert source.identity == {"owner/name:small": COMMIT}
    found = {d.name: d.text for d in source.documents(Corpus(), ignore)}
    assert found == {
        "hf:owner/name:small, split train, row 1": "a",
        "hf:owner/name:small, split train, row 2": "b",
    }
    assert asked == [("owner/name", "small", COMMIT, True)]


def test_a_document_without_text_is_told_as_in_a_file(hub):
    hub({"train": table(["a", None], [0, 1])})
    source = resolve(f"hf:name@{COMMIT}", "corpus.source", "text")
    with pytest.raises(StageError, match=r"row 2: column 'text' must be text, found None"):
        list(source.documents(Corpus(), ignore))


def test_rows_have_the_names_of_their_labels_and_the_split_that_their_own_means(hub):
    hub({"train": table(["a", "b"], [0, 1]), "dev": table(["c"], [-1]), "extra": table(["d"], [0])})
    columns = Columns((Column("text", "x.text_column"), Column("label", "x.label_column")), "id")
    rows = list(resolve(f"hf:name@{COMMIT}", "x").rows(columns, ignore))
    assert [(row.split, row.values["text"], row.values["label"]) for row in rows] == [
        ("train", "a", "bad"),
        ("train", "b", "good"),
        ("validation", "c", None),
    ]


def test_of_the_two_sets_of_mnli_the_matched_one_is_read_and_the_other_is_told(hub):
    names = (
        "train",
        *(f"{n}_{of}" for n in ("validation", "test") for of in ("matched", "mismatched")),
    )
    hub({name: table([name], [0]) for name in (*names, "extra")})
    columns = Columns((Column("text", "x.text_column"), Column("label", "x.label_column")), "id")
    source = resolve(f"hf:glue:mnli@{COMMIT}", "x")
    assert [(row.split, row.values["text"]) for row in source.rows(columns, ignore)] == [
        ("train", "train"),
        ("validation", "validation_matched"),
        ("test", "test_matched"),
    ]
    one, other, rest = source.remarks()
    assert one.startswith("the split validation_mismatched is no part of validation_matched")
    assert other.startswith("the split test_mismatched is no part of test_matched, and is passed")
    assert rest == "splits of other names are passed over: extra"


def test_a_column_that_is_not_there_is_told(hub):
    hub({"train": table(["a"], [0])})
    source = resolve(f"hf:name@{COMMIT}", "corpus.source", "text")
    with pytest.raises(StageError, match=r"row 1: no column 'txt' .*did you mean text\."):
        list(source.documents(Corpus(text_column="txt"), ignore))


def test_without_a_network_a_plan_says_so_at_once(tmp_path):
    import huggingface_hub.constants as hub

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub, "HF_HUB_OFFLINE", True)
        with pytest.raises(
            StageError, match=r"corpus.source: hf:a/b is on the Hub.*HF_HUB_OFFLINE"
        ):
            resolve("hf:a/b", "corpus.source")


def test_a_commit_is_its_own_identity_and_needs_no_network():
    assert resolve(f"hf:owner/name@{COMMIT}", "corpus.source").identity == {"owner/name": COMMIT}


def test_a_name_that_cannot_be_one_is_told():
    with pytest.raises(StageError, match=r"not a name on the Hub; accepted: hf:NAME\[:CONF"):
        resolve("hf:a/b/c", "corpus.source")
