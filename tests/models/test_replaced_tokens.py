"""A discriminator with its generator: what they share, what is drawn, stored and shown."""

import copy

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForPreTraining

from tasks import families, objectives
from tasks.data.text.token_arrays import EncodedCorpus, load_tokenizer
from tasks.experiment.model import Model
from tasks.models.bodies import load_encoder
from tasks.models.replaced_tokens import detect, find_replaced, sample
from tests.support.shapes import case
from tests.support.small_corpus import documents, encode

RTD = objectives.load("rtd")


def test_the_generator_is_narrower_and_shares_all_embeddings():
    model = case("electra rtd", size=Model(family="electra", hidden_size=64, heads=4)).model
    small, large = model.generator, model.electra
    assert type(model).__name__ == "ElectraForPreTraining"
    assert small.electra.embeddings is large.embeddings
    assert small.get_output_embeddings().weight is large.embeddings.word_embeddings.weight
    assert (small.config.hidden_size, small.config.num_attention_heads) == (16, 1)
    assert small.config.intermediate_size == large.config.intermediate_size // 4
    assert len(small.electra.encoder.layer) == len(large.encoder.layer)
    assert [c.hidden_size for c in RTD.encoders(model.config)] == [64, 16]


@pytest.mark.parametrize(("width", "heads"), [(8, 1), (24, 3), (100, 10), (120, 12)])
def test_any_size_has_a_generator(width, heads):
    size = Model(family="electra", hidden_size=width, heads=heads, layers=1)
    small = case("electra rtd", size=size).model.generator.config
    assert small.hidden_size % small.num_attention_heads == 0
    assert small.hidden_size < width


def test_both_begin_with_other_weights_that_depend_on_the_seed_alone():
    config = case("electra rtd").model.config
    torch.manual_seed(1)
    one = RTD.new_model(config, seed=3).state_dict()
    torch.manual_seed(2)
    same, other = (RTD.new_model(config, seed=seed).state_dict() for seed in (3, 4))
    assert all(torch.equal(one[name], same[name]) for name in one)
    dense = "generator.electra.encoder.layer.0.attention.self.query.weight"
    assert not torch.equal(one[dense], other[dense])


def test_tokens_are_drawn_with_the_probabilities_of_the_softmax():
    logits = torch.tensor([[0.0, 1.0, -1.0, 2.0, -50.0]])
    rows = 20_000
    chances = (torch.arange(rows) + 0.5) / rows
    drawn = sample(logits.expand(rows, -1), chances)
    shares = torch.bincount(drawn, minlength=5) / rows
    torch.testing.assert_close(shares, logits[0].softmax(0), rtol=0, atol=1e-3)
    extremes = torch.tensor([0.0, 1 - 2**-24])
    assert sample(logits.expand(2, -1), extremes).tolist() == [0, 3]
    assert sample(logits.to(torch.bfloat16), torch.tensor([0.5])).shape == (1,)
    assert sample(torch.zeros(0, 5), torch.zeros(0)).shape == (0,)


def test_the_discriminator_reads_what_was_drawn_and_the_model_is_as_before():
    given = case("electra rtd")
    model, batch, seen = given.model, given.batch, []
    with (
        torch.no_grad(),
        model.electra.embeddings.register_forward_hook(
            lambda _m, _args, named, _out: seen.append(named["input_ids"]), with_kwargs=True
        ),
    ):
        found = detect(model, batch)
    hidden, filled = seen  # the generator's input, then the discriminator's
    assert torch.equal(hidden, batch["input_ids"])
    read = batch["input_ids"].clone()
    read.view(-1)[batch["positions"]] = batch["targets"]
    assert torch.equal(filled != read, found.replaced)
    with torch.no_grad():
        torch.testing.assert_close(model(input_ids=filled).logits, found.logits)


def test_in_bf16_both_are_in_bf16():
    given = case("electra rtd")
    dtypes = set()
    layers = [n.encoder.layer[0].intermediate for n in (given.model.electra,)]
    layers.append(given.model.generator.electra.encoder.layer[0].intermediate)
    for layer in layers:
        layer.register_forward_hook(lambda _m, _i, out: dtypes.add(out.dtype))
    whole = given.model.forward
    given.model.forward = torch.autocast("cpu", torch.bfloat16)(whole)  # as the loop does
    assert given.loss(given.model, given.batch)["loss"].dtype == torch.float32
    assert dtypes == {torch.bfloat16}


def test_the_discriminator_is_stored_alone_and_training_goes_on(tmp_path):
    given = case("electra rtd")
    expected = {n: p.clone() for n, p in given.model.state_dict().items()}
    stored = RTD.stored_model(given.model)
    stored.save_pretrained(tmp_path)
    assert stored.num_parameters() < given.model.num_parameters()
    assert {n.split(".")[0] for n in load_file(tmp_path / "model.safetensors")} == {
        "electra",
        "discriminator_predictions",
    }
    loaded, report = AutoModelForPreTraining.from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    assert type(loaded).__name__ == "ElectraForPreTraining"
    assert loaded.num_parameters() == stored.num_parameters()
    ids = given.batch["input_ids"]
    with torch.no_grad():
        torch.testing.assert_close(loaded.eval()(ids).logits, given.model.eval()(ids).logits)
    assert given.model.generator is not None
    after = given.model.state_dict()
    assert all(torch.equal(part, after[name]) for name, part in expected.items())


def test_fine_tuning_begins_with_its_encoder(tmp_path):
    given = case("electra rtd")
    RTD.stored_model(given.model).save_pretrained(tmp_path)
    tuned = case("electra text-classification").model
    load_encoder(tuned, tmp_path)
    own = given.model.electra.state_dict()
    assert all(torch.equal(part, own[name]) for name, part in tuned.electra.state_dict().items())


def test_a_checkpoint_has_every_weight_once(tmp_path):
    given = case("electra rtd")
    given.model.save_pretrained(tmp_path)
    found = load_file(tmp_path / "model.safetensors")
    assert sum(part.numel() for part in found.values()) == given.model.num_parameters()
    other = copy.deepcopy(given.model)
    with torch.no_grad():
        for part in other.parameters():
            part.zero_()
    other.load_state_dict(found, strict=False)
    for name, part in given.model.named_parameters():
        assert torch.equal(part, other.get_parameter(name)), name


@pytest.mark.parametrize(("algorithm", "size"), [("wordpiece", 200), ("bpe", 400)])
def test_sentences_are_shown_with_a_replaced_word_and_what_is_suspected(algorithm, size, tmp_path):
    texts = documents(40)
    folder = encode(tmp_path / "run", texts, texts[:9], algorithm=algorithm, vocab_size=size)
    tokenizer = load_tokenizer(folder / "tokenizer")
    held_out = EncodedCorpus.open(folder / "tokens", "validation")
    shape = Model(family="electra", layers=1, hidden_size=16, heads=2, max_positions=64)
    config = families.load("electra").configure(shape, tokenizer, 0.0)
    model = RTD.new_model(config, seed=0).eval()
    shown = find_replaced(model, tokenizer, held_out)
    assert shown["rows"]
    for sentence, replaced, suspected in shown["rows"]:
        before, _, after = replaced.partition(" → ")
        assert before != after
        assert after in sentence
        assert tokenizer.mask_token not in sentence
        assert len(suspected.split("%")) == 4
    assert tokenizer.mask_token not in shown["example"]
    assert find_replaced(model, tokenizer, held_out) == shown
