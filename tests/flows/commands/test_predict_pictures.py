"""`temper predict` and `temper data` on pictures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from flows.calls.inputs import picture_files, picture_inputs
from flows.commands.main import app
from tasks.contract import Silent, StageError
from tasks.experiment.images.pictures import Pixels
from tasks.experiment.images.problem import ImageData, ImageTuning
from tasks.sources.images import resolve
from tasks.stages.evaluation import evaluate
from tasks.stages.images.finetuning import finetune_on_images
from tasks.stages.images.images import prepare_images
from tasks.stages.images.pixels import store_pixels
from tests.support.tiny_boxes import boxed_pictures, write_yolo
from tests.support.tiny_images import write_pictures
from tests.support.tiny_masks import write_masked
from tests.support.tiny_pixels import write_image_body
from tests.support.tiny_published import write_published

PROBLEM = "image-classification"


def call(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [*words])
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures, a model that was fine-tuned on them, and its evaluation."""
    folder = tmp_path_factory.mktemp("tuned")
    data, source = ImageData(), resolve(str(write_pictures(folder / "few", 45, 1)), "x")
    body = write_image_body(folder / "body")
    for name in ("images", "pixels", "tuned", "evaluation"):
        (folder / name).mkdir()
    silent = Silent()
    prepare_images(data, source, [], 0, out=folder / "images", monitor=silent)
    stored = folder / "pixels"
    store_pixels(
        Pixels(size=16),
        data.columns,
        source,
        images=folder / "images",
        out=stored,
        monitor=silent,
    )
    training, tuning = ImageTuning(epochs=1, precision="fp32"), {"data": stored, "body": body}
    out = folder / "tuned"
    finetune_on_images(PROBLEM, training, 0, **tuning, architecture=body, out=out, monitor=silent)
    evaluate(
        PROBLEM,
        100,
        0.95,
        0,
        data=stored,
        model=out / "model",
        from_scratch=None,
        out=folder / "evaluation",
        monitor=silent,
    )
    return folder


@pytest.mark.usefixtures("mlflow_database")
def test_pictures_of_a_folder_are_answered_as_the_evaluation_answers_them(tuned: Path) -> None:
    import pandas as pd

    status, out, err = call("predict", str(tuned / "tuned" / "model"), str(tuned / "few"))
    assert status == 0, err
    found = {row["image"]: row for row in map(json.loads, out.splitlines())}
    assert len(found) == 45
    expected = pd.read_parquet(tuned / "evaluation" / "predictions.parquet")
    for row in expected.itertuples():
        assert found[row.image]["predicted"] == row.predicted
        assert found[row.image]["probability"] == pytest.approx(row.probability, abs=1e-5)


@pytest.mark.usefixtures("mlflow_database")
def test_one_picture_is_written_to_a_table(tuned: Path, tmp_path: Path) -> None:
    picture = str(tuned / "few" / "disc" / "001.png")
    answers = tmp_path / "answers.csv"
    status, _, err = call(
        "predict", str(tuned / "tuned" / "model"), picture, "--output", str(answers)
    )
    assert status == 0, err
    header, row = answers.read_text().splitlines()
    assert header == "image,predicted,probability"
    assert row.startswith(f"{picture},")
    assert "1 pictures answered (image-classification)" in err


@pytest.mark.usefixtures("mlflow_database")
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "x.png").write_text("no picture"), "x.png: not a picture"),
        (shutil.rmtree, "there is no file or folder"),
        (lambda folder: [file.unlink() for file in folder.rglob("*.png")], "no picture in"),
    ],
)
def test_what_is_no_picture_is_answered(tuned: Path, tmp_path: Path, spoil, said: str) -> None:
    folder = write_pictures(tmp_path / "new", 3, 4)
    spoil(folder)
    status, _, err = call("predict", str(tuned / "tuned" / "model"), str(folder))
    assert status == 2
    assert said in err


@pytest.mark.usefixtures("mlflow_database")
def test_columns_are_refused_where_pictures_are_read(tuned: Path) -> None:
    model = str(tuned / "tuned" / "model")
    status, _, err = call("predict", model, str(tuned / "few"), "--column", "text")
    assert status == 2
    assert "--column: found 'text', but the model reads pictures" in err


def test_data_shows_the_card_of_pictures_and_an_experiment(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path / "photos", 60, 1)
    status, out, err = call("data", "photos")
    assert status == 0, err
    assert "Mean colour" in out
    assert "disc" in out
    text = out.partition("The experiment to begin with:")[2]
    (tmp_path / "mine.yaml").write_text(text)
    assert yaml.safe_load(text)["downstream"][0]["problem"] == PROBLEM
    status, out, err = call("plan", "mine.yaml")
    assert status == 0, err
    assert "10 of 10 stages run" in out


def test_a_new_experiment_on_pictures_is_written_and_accepted(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path / "photos", 60, 1)
    status, _, err = call("new", "mine.yaml", "--data", "photos", "--text", "body")
    assert status == 2
    assert "--data: photos is of pictures; accepted with it: --name and --problem alone" in err
    status, out, err = call("new", "mine.yaml", "--data", "photos")
    assert status == 0, err
    found = yaml.safe_load((tmp_path / "mine.yaml").read_text())
    assert (found["name"], found["images"]) == ("mine", {"source": "photos"})
    assert found["downstream"][0]["problem"] == PROBLEM
    status, out, err = call("plan", "mine.yaml")
    assert status == 0, err
    assert "10 of 10 stages run" in out


@pytest.mark.parametrize(
    ("write", "problem"),
    [
        (lambda folder: write_masked(folder, 30), "semantic-segmentation"),
        (lambda folder: write_yolo(folder, boxed_pictures(30)), "object-detection"),
    ],
)
def test_masks_and_boxes_are_recognized(tmp_path: Path, monkeypatch, write, problem: str) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "photos")
    status, out, err = call("data", "photos")
    assert status == 0, err
    text = out.partition("The experiment to begin with:")[2]
    assert yaml.safe_load(text)["downstream"][0]["problem"] == problem


@pytest.mark.usefixtures("mlflow_database")
def test_labels_are_not_drawn(tuned: Path, tmp_path: Path) -> None:
    model, few = str(tuned / "tuned" / "model"), str(tuned / "few")
    status, _, err = call("predict", model, few, "--draw", str(tmp_path / "drawn"))
    assert status == 2
    assert "answers image-classification, which is not drawn" in err


def test_pictures_without_labels_are_to_pre_train_on(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for number, file in enumerate(sorted(write_pictures(tmp_path / "a", 30, 1).rglob("*.png"))):
        Image.open(file).save(tmp_path / "photos" / f"{number}.jpg")
    status, out, err = call("data", "photos")
    assert status == 0, err
    text = out.partition("The experiment to begin with:")[2]
    found = yaml.safe_load(text)
    assert found["pretraining"]["objective"] == "simclr"
    assert "downstream" not in found


def test_all_bad_pictures_are_named_before_anything_starts(tmp_path: Path, monkeypatch) -> None:
    from tests.support.tiny_images import write_image_experiment

    file = write_image_experiment(tmp_path)
    for name in ("bar/0a.png", "disc/0b.png"):
        (tmp_path / "many" / name).write_bytes(b"\x89PNG\r\n\x1a\n cut")
    status, _, err = call("plan", str(file))
    assert status == 2
    assert "images: images.source: 2 of the pictures cannot be used" in err
    assert "bar/0a.png" in err
    assert "disc/0b.png" in err


def test_files_that_are_no_pictures_are_left_out_where_asked_and_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.png").write_text("no picture")
    with pytest.raises(StageError, match=r"broken.png: not a picture(.|\n)*--skip-invalid"):
        picture_files(str(tmp_path))
    with pytest.raises(StageError, match=r"broken.png"):
        picture_files(str(tmp_path), skip_invalid=True)
    Image.new("L", (8, 8)).save(tmp_path / "whole.png")
    left = picture_files(str(tmp_path), skip_invalid=True)
    assert left == [("whole.png", tmp_path / "whole.png")]
    said = capsys.readouterr().err
    assert "1 files are left out" in said
    assert "broken.png" in said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("photos", "body"), "--column: found 'body', but the model reads pictures"),
        (("photos", "", "other"), "--second-column: found 'other', but the model reads pictures"),
        (("-",), "FILE: not given; accepted: a picture, or a folder of pictures"),
    ],
)
def test_pictures_have_no_columns_and_come_in_no_pipe(given: tuple[str, ...], said: str) -> None:
    with pytest.raises(StageError, match=said):
        picture_inputs(*given)


def published(folder: Path) -> Path:
    """A published classifier of two classes without names, of square pictures of 32."""
    write_published(folder, "resnet", labels=["LABEL_0", "LABEL_1"])
    file = folder / "preprocessor_config.json"
    square = {"size": {"height": 32, "width": 32}}
    file.write_text(json.dumps(json.loads(file.read_text()) | square))
    return folder


@pytest.mark.usefixtures("home")
def test_two_classes_without_names_are_those_of_transformers(tmp_path: Path) -> None:
    model, pictures = published(tmp_path / "model"), write_pictures(tmp_path / "few", 6, 1)
    values = json.loads((model / "config.json").read_text())
    values.pop("id2label", None)
    (model / "config.json").write_text(json.dumps(values))
    status, out, err = call("predict", str(model), str(pictures))
    assert status == 0, err
    found = {json.loads(line)["predicted"] for line in out.splitlines()}
    assert found <= {"LABEL_0", "LABEL_1"}


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("size", "said"),
    [
        ({"height": -1, "width": -1}, "size: found -1; accepted: greater than or equal to 8"),
        (None, "found no object; accepted: an image processor"),
    ],
)
def test_an_image_processor_without_a_size_is_told(size, said: str, tmp_path: Path) -> None:
    model = published(tmp_path / "model")
    file = model / "preprocessor_config.json"
    values = json.loads(file.read_text()) | {"size": size} if size else []
    file.write_text(json.dumps(values))
    status, _, err = call("predict", str(model), str(write_pictures(tmp_path / "few", 3, 1)))
    assert (status, said in " ".join(err.split())) == (2, True), err
