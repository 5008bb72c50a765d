"""Models from elsewhere: what their files may make a library do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.numpy import load_file, save_file
from safetensors.torch import save_file as torch_save
from transformers import AutoConfig, AutoModel

from tasks.contract import StageError
from tasks.experiment import choices
from tasks.machinery.host import foreign_json
from tasks.models.files import files_of
from tasks.references.given_files import require_finite, require_sound
from tests.support.tiny_models import write_body

Change = Callable[[Path], Any]


@pytest.fixture
def body(tmp_path: Path) -> Path:
    return write_body(tmp_path / "body")


def check(body: Path) -> None:
    require_sound(body, files_of(body, "mine"), "mine")


def changed(body: Path, name: str, **changes: object) -> None:
    file = body / name
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.parametrize("kind", ["bert", "bert-mlm", "roberta"])
def test_what_transformers_writes_is_sound(tmp_path: Path, kind: str) -> None:
    check(write_body(tmp_path / "mine", kind, layers=2))


def test_code_that_a_configuration_names_is_never_read(body: Path) -> None:
    changed(body, "config.json", auto_map={"AutoModel": "evil.Evil"})
    (body / "evil.py").write_text("raise SystemExit")
    check(body)
    assert "evil.py" not in files_of(body, "mine")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("vocab_size", 10**12, "found 1000000000000; .*less than or equal"),
        ("vocab_size", 10**6, "found 1000000, but no weight has that size"),
        ("hidden_size", 10**12, "found 1000000000000"),
        ("hidden_size", "16", "found '16'; .*valid integer"),
        ("intermediate_size", 65_537, "no weight has that size"),
        ("max_position_embeddings", 10**6, "no weight has that size"),
        ("num_hidden_layers", 200_000, "found 200000"),
        ("num_hidden_layers", 900, "found 900, but there are weights of"),
        ("num_attention_heads", 0, "found 0; .*greater than or equal to 1"),
        ("num_attention_heads", 3, "it must divide hidden_size"),
        ("num_attention_heads", [4], r"found \[4\]"),
        ("id2label", ["good"], r"found \['good'\]"),
        ("id2label", {"x": "good"}, "found"),
        ("num_labels", 10**9, "found 1000000000"),
        ("architectures", 5, "found 5"),
        ("pad_token_id", "x", "found 'x'"),
        ("attn_implementation", "kernels-community/evil", "accepted: eager or sdpa, since no code"),
        ("_attn_implementation", {"": "owner/evil@main"}, "accepted: eager or sdpa"),
        ("quantization_config", {"quant_method": "evil"}, "accepted: nothing"),
        ("transformers_weights", "../other.safetensors", "accepted: nothing"),
    ],
)
def test_a_field_of_the_configuration_that_is_not_of_the_weights_is_named(
    body: Path, field: str, value: object, said: str
) -> None:
    changed(body, "config.json", **{field: value})
    with pytest.raises(StageError, match=rf"^mine: config\.json: {field}.*{said}"):
        check(body)


OF_BERT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
OF_BERT |= {"intermediate_size": 48, "vocab_size": 50, "max_position_embeddings": 77}
OF_STAGES = {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 2, 1]}
# Of each family fields of a small model, with a size of positions that nothing else has.
SMALL: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("bert", "roberta", "deberta-v2"), OF_BERT),
    **dict.fromkeys(("albert", "electra"), OF_BERT | {"embedding_size": 24}),
    "distilbert": {"dim": 32, "hidden_dim": 48, "n_layers": 2, "n_heads": 2, "vocab_size": 50},
    "modernbert": OF_BERT | dict.fromkeys(("pad_token_id", "cls_token_id", "sep_token_id"), 1),
    "llama": OF_BERT | {"num_key_value_heads": 1},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 77, "vocab_size": 50},
    "resnet": OF_STAGES | {"embedding_size": 8, "layer_type": "basic"},
    "convnext": OF_STAGES,
    "vit": {
        **{"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2},
        **{"intermediate_size": 48, "image_size": 32, "patch_size": 8},
    },
    "swin": {"image_size": 32, "embed_dim": 16, "depths": [1, 2], "num_heads": [2, 2]},
}


def write_small(folder: Path, family: str) -> Path:
    """A model of a family as transformers writes it: configuration and weights."""
    AutoModel.from_config(AutoConfig.for_model(family, **SMALL[family])).save_pretrained(folder)
    return folder


def check_small(folder: Path) -> None:
    require_sound(folder, [file.name for file in folder.iterdir()], "mine")


def test_small_models_are_of_all_families() -> None:
    assert SMALL.keys() == {*choices.names("families"), *choices.names("families/images")}


@pytest.mark.parametrize("family", SMALL)
def test_a_model_of_each_family_is_sound(family: str, tmp_path: Path) -> None:
    check_small(write_small(tmp_path, family))


@pytest.mark.parametrize(
    ("family", "field", "value", "said"),
    [
        ("gpt2", "n_layer", 200_000, "found 200000"),
        ("gpt2", "n_layer", 900, "found 900, but there are weights of 2 layers"),
        ("gpt2", "n_embd", 10**6, "no weight has that size"),
        ("gpt2", "n_positions", 10**6, "no weight has that size"),
        ("gpt2", "n_inner", 10**6, "no weight has that size"),
        ("gpt2", "n_head", 3, "it must divide n_embd"),
        ("llama", "head_dim", 10**6, "no weight has the size of 2 heads"),
        ("llama", "num_key_value_heads", 900, "head_dim: .*no weight has the size of 900 heads"),
        ("albert", "embedding_size", 10**6, "no weight has that size"),
        ("resnet", "depths", [200_000], "found 200000"),
        ("resnet", "depths", [1, 1, 900, 1], "there are weights of 5 layers"),
        ("convnext", "hidden_sizes", [8, 16, 24, 10**6], "found 1000000, but no weight"),
        ("swin", "depths", [1, 900], "there are weights of 3 layers"),
        ("swin", "embed_dim", 10**6, "no weight has that size"),
        ("vit", "image_size", 10**6, "found 1000000; .*less than or equal to 8192"),
        ("vit", "num_channels", 10**6, "found 1000000"),
    ],
)
def test_a_size_of_any_family_that_is_not_of_the_weights_is_named(
    family: str, field: str, value: object, said: str, tmp_path: Path
) -> None:
    changed(write_small(tmp_path, family), "config.json", **{field: value})
    with pytest.raises(StageError, match=rf"^mine: config\.json: .*{said}"):
        check_small(tmp_path)


def deep(file: Path) -> None:
    file.write_text('{"model_type": ' + "[" * 100_000)


def long_entry(file: Path) -> None:
    values = json.loads(file.read_text())
    values["model"]["vocab"]["a" * 30_000_000] = len(values["model"]["vocab"])
    file.write_text(json.dumps(values))


def wrong_number(file: Path) -> None:
    values = json.loads(file.read_text())
    values["model"]["vocab"]["cat"] = "4"
    file.write_text(json.dumps(values))


def far_number(file: Path) -> None:
    values = json.loads(file.read_text())
    values["model"]["vocab"]["cat"] = 10**12
    file.write_text(json.dumps(values))


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("config.json", deep, "config.json: .*lists in lists without end"),
        ("config.json", lambda file: file.write_text("[" * 9), "line 1: not valid JSON"),
        ("config.json", lambda file: file.write_bytes(b'{"a": "\xff"}'), "not UTF-8 at byte 7"),
        ("config.json", lambda file: file.write_text(f'{{"a": {"1" * 9000}}}'), "not valid JSON"),
        ("tokenizer.json", deep, "tokenizer.json: .*lists in lists without end"),
        ("tokenizer.json", long_entry, r"tokenizer\.json: model\.vocab: the entry .* 30,000,000"),
        ("tokenizer.json", wrong_number, "no tokenizer could be loaded"),
        ("tokenizer.json", far_number, "has the number 1000000000000; accepted: 0 to"),
        ("tokenizer_config.json", deep, "tokenizer_config.json: .*lists in lists"),
    ],
)
def test_a_file_that_no_library_should_read_is_named(
    body: Path, name: str, change: Change, said: str
) -> None:
    change(body / name)
    with pytest.raises(StageError, match=f"^mine: .*{said}"):
        check(body)


def test_a_file_of_json_that_is_too_large_is_not_read(
    body: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign_json, "MOST_BYTES", 50)
    with pytest.raises(StageError, match=r"config\.json: more than 50 bytes"):
        check(body)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "../elsewhere.safetensors", "/tmp/x", 5])
def test_an_index_leads_to_no_other_file(body: Path, name: object) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": name}}
    (body / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(StageError, match=r"index\.json: weight_map\.b: found .*model\.safetensors"):
        check(body)


@pytest.mark.parametrize("kept", [0, 20, None])
def test_a_broken_file_of_weights_is_named(body: Path, kept: int | None) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    file = body / "model.safetensors"
    file.write_bytes(pointer if kept is None else file.read_bytes()[:kept])
    with pytest.raises(
        StageError, match=r"model\.safetensors is truncated or not a safetensors file"
    ):
        check(body)


@pytest.mark.parametrize("bad", [float("nan"), float("-inf")])
def test_weights_that_are_no_numbers_are_refused(body: Path, bad: float) -> None:
    file = body / "model.safetensors"
    require_finite([file], "mine")
    weights = load_file(file)
    name = next(name for name in weights if name.endswith("LayerNorm.weight"))
    weights[name][0] = bad
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(StageError, match=f"^mine: model.safetensors: {name}: 1 of the numbers"):
        require_finite([file], "mine")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("kind", ["bfloat16", "float8_e5m2", "float8_e4m3fn"])
def test_also_in_formats_that_numpy_does_not_know(tmp_path: Path, kind: str, bad: float) -> None:
    file = tmp_path / "model.safetensors"
    values = torch.tensor([[0.5, -0.0], [240.0, -240.0]]).to(getattr(torch, kind))
    other = torch.zeros(3, dtype=torch.int64)
    torch_save({"before": other, "weight": values}, file)
    require_finite([file], "mine")
    values[1, 0] = bad
    torch_save({"before": other, "weight": values}, file)
    if not values.float().isfinite().all():  # e4m3fn has no infinity
        with pytest.raises(StageError, match=r"model.safetensors: weight: 1 of the numbers"):
            require_finite([file], "mine")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_a_key_that_is_twice_in_a_file_of_a_model_is_refused(body: Path, name: str) -> None:
    text = (body / name).read_text()
    (body / name).write_text(text.replace("{", '{"model_type": "gpt2", "model_type": "bert", ', 1))
    said = f"{name}: the key 'model_type' is twice in an object, with 'gpt2' and 'bert'"
    with pytest.raises(StageError, match=said):
        check(body)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        (
            "image_size",
            48,
            r"image_size: found 48 with patches of 8, which are 36, but .* 17 place",
        ),
        ("patch_size", 16, r"patch_size: found 16, but .*projection.weight has 8"),
        ("num_channels", 4, r"num_channels: found 4, but .*projection.weight has 3"),
    ],
)
def test_patches_that_are_not_those_of_the_weights_are_refused(
    field: str, value: int, said: str, tmp_path: Path
) -> None:
    folder = write_small(tmp_path / "vit", "vit")
    changed(folder, "config.json", **{field: value})
    with pytest.raises(StageError, match=said):
        check_small(folder)
