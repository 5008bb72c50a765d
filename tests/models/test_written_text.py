"""What a decoder is shown and writes: texts as beginnings of documents, sentences continued."""

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from tasks.data.text.token_arrays import EncodedCorpus, load_tokenizer
from tasks.models.written_text import as_beginning, continue_sentences, cut_sentences, write_on
from tests.support.shapes import case
from tests.support.small_corpus import documents, encode


@pytest.fixture(scope="module", params=["wordpiece", "bpe"])
def corpus(request, tmp_path_factory):
    size = {"wordpiece": 200, "bpe": 400}[request.param]
    folder = tmp_path_factory.mktemp(request.param) / "run"
    texts = documents(40)
    return encode(folder, texts, texts[:6], algorithm=request.param, vocab_size=size)


def test_a_text_is_read_as_the_beginning_of_a_document(corpus, tmp_path):
    original = load_tokenizer(corpus / "tokenizer")
    made = as_beginning(original)
    made.save_pretrained(tmp_path)
    text = "The matrix holds values."
    plain = original(text, add_special_tokens=False)["input_ids"]
    for tokenizer in (made, AutoTokenizer.from_pretrained(tmp_path)):
        found = tokenizer(text, return_offsets_mapping=True)
        assert set(found) == {"input_ids", "attention_mask", "offset_mapping"}
        assert found["input_ids"] == [original.sep_token_id, *plain]
        assert [text[a:b] for a, b in found["offset_mapping"]][1] == "The"
        assert len(tokenizer) == len(original)
        assert tokenizer.all_special_ids and tokenizer.pad_token_id == original.pad_token_id
        assert tokenizer.decode(found["input_ids"], skip_special_tokens=True).strip().lower() == (
            original.decode(plain).strip().lower()
        )
    assert original(text)["input_ids"][0] == original.cls_token_id, "it is as it was"


class Counting:
    """A model for which the token after n is n + 1, and 9 ends a document."""

    device = "cpu"

    class config:  # noqa: N801
        bos_token_id = eos_token_id = 9
        max_position_embeddings = 12

    def __call__(self, input_ids, **_):
        class Output:
            logits = torch.nn.functional.one_hot((input_ids + 1) % 10, 10).float()

        assert input_ids.shape[1] <= 12
        return Output


def test_the_most_likely_token_is_written_until_the_document_ends():
    assert write_on(Counting(), [9, 3], 4) == [4, 5, 6, 7]
    assert write_on(Counting(), [9, 6], 4) == [7, 8]


def test_sentences_are_cut_in_half_and_fit_the_model():
    text = EncodedCorpus(
        np.arange(60, dtype=np.uint16), np.array([0, 9, 20, 31, 40, 60]), np.array([0, 2, 4, 5])
    )
    found = list(cut_sentences(text, 12))
    assert found == [
        (list(range(4)), list(range(4, 9))),
        (list(range(20, 25)), list(range(25, 31))),
    ]
    assert len(list(cut_sentences(text, 64))) == 3


def test_held_out_sentences_are_continued(corpus):
    held_out = EncodedCorpus.open(corpus / "tokens", "validation")
    tokenizer = as_beginning(load_tokenizer(corpus / "tokenizer"))
    model = case("gpt2 clm", length=64).model
    model.resize_token_embeddings(len(tokenizer))
    model.config.bos_token_id = model.config.eos_token_id = tokenizer.sep_token_id
    shown = continue_sentences(model, tokenizer, held_out)
    assert len(shown["rows"]) == 5
    for beginning, rest, _ in shown["rows"]:
        assert beginning and rest
    assert shown["example"] == shown["rows"][0][0]
    assert shown == continue_sentences(model, tokenizer, held_out)
