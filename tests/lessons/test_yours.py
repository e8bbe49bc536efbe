"""Notebook 11: its sentences, its networks, its pictures, and its ways to measure wrongly."""

from __future__ import annotations

import io
import itertools

import pandas as pd
import pytest
import torch
from PIL import Image
from torch.nn import functional

import nclib
from nclib.lessons.yours import mistakes, models, pictures, texts


@pytest.fixture(scope="module")
def sentences():
    return texts.write(60, seed=3)


@pytest.fixture(scope="module")
def digits():
    return nclib.load_data("digits")


@pytest.fixture(scope="module")
def mlp(digits):
    """Trained for a moment: right on most images."""
    torch.manual_seed(0)
    model, batches = models.Misnamed(), mistakes.in_batches(digits.train, 64)[:-1]
    optimizer = models.sgd(model, 0.1, 5e-3)
    return models.train(model, batches, epochs=2, optimizer=optimizer)


# Sentences


def test_answers_are_those_of_the_words(sentences):
    for number in range(60):
        words = texts.text(sentences, number).split()
        first, second = (w for w in words if w in texts.ANIMALS)
        passive = "by" in words
        acting, suffering = (second, first) if passive else (first, second)
        assert texts.ANIMALS[sentences.acting[number]] == acting
        assert texts.ANIMALS[sentences.suffering[number]] == suffering
        forms = [*texts.VERBS.values()] if passive else [*texts.VERBS]
        assert forms[sentences.doing[number]] in words
        assert words[-1] == "."
        assert ("is" in words) == passive


def test_no_sentence_comes_twice_and_padding_is_masked(sentences):
    assert len({texts.text(sentences, number) for number in range(60)}) == 60
    assert torch.equal(sentences.attention_mask == 0, sentences.input_ids == 0)
    assert sentences.input_ids.shape[1] <= texts.LONGEST
    again = texts.write(60, seed=3)
    assert all(torch.equal(a, b) for a, b in zip(sentences, again, strict=True))
    assert not torch.equal(sentences.acting, texts.write(60, seed=4).acting)


def test_batches_and_parts_hold_all(sentences):
    batches = sentences.asked(sentences.doing, size=25)
    assert [len(batch["labels"]) for batch in batches] == [25, 25, 10]
    assert torch.equal(torch.cat([batch["labels"] for batch in batches]), sentences.doing)
    parts = sentences.first(20), sentences.after(20)
    assert torch.equal(torch.cat([part.acting for part in parts]), sentences.acting)


def test_recited_words_say_which_one_comes_next():
    ids = texts.recited(30).input_ids
    following = {}
    for text in ids.tolist():
        for word, after in itertools.pairwise(text):
            assert following.setdefault(word, after) == after
    assert len(following) == len(texts.WORDS) - 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("cat", "old", True), ("cat", "sees", False), ("is", "sees", True), (".", "by", False)],
)
def test_words_of_one_place(one, other, same):
    assert texts.same_place(one, other) is same


# Networks


def test_each_network_has_the_classifier_that_the_notebook_names(sentences, digits):
    images = (digits.test.images[:60], digits.test.labels[:60])
    asked = sentences.asked(sentences.acting)
    words = sentences.asked(sentences.input_ids.where(sentences.attention_mask > 0, -100))
    for model, data, said in (
        (models.small_resnet(), images, "`fc` (Linear 128 → 10)"),
        (models.Misnamed(), images, "`score`"),
        (models.Reader(6), asked, "`answer` (Linear 32 → 6)"),
        (models.Writer(), words, "linear 16 → 26"),
    ):
        assert said in nclib.measure(model, data, progress=False).taken["classifier"]


def test_a_writer_does_not_look_ahead(sentences):
    torch.manual_seed(0)
    model = models.Writer().eval()
    ids, mask = sentences.input_ids[:4].clone(), sentences.attention_mask[:4]
    before = model(ids, mask)["logits"]
    ids[:, 5] = 7
    after = model(ids, mask)["logits"]
    assert torch.allclose(before[:, :5], after[:, :5], atol=1e-6)
    assert not torch.allclose(before[:, 5], after[:, 5], atol=1e-3)


def test_a_reader_leaves_padding_out(sentences):
    torch.manual_seed(0)
    model = models.Reader(6).eval()
    ids, mask = sentences.input_ids.clone(), sentences.attention_mask
    before = model(ids, mask)["logits"]
    ids[mask == 0] = 5
    assert torch.allclose(model(ids, mask)["logits"], before, atol=1e-5)


def test_the_loss_is_of_the_next_word_and_of_the_helper(sentences):
    torch.manual_seed(0)
    model, (batch,) = models.Writer(), sentences.first(20).asked(sentences.input_ids[:20])
    logits = model(batch["input_ids"], batch["attention_mask"])["logits"]
    by_hand = functional.cross_entropy(logits[:, :-1].mT, batch["labels"][:, 1:])
    assert models.loss_of(model, batch).item() == pytest.approx(by_hand.item(), rel=1e-5)
    mlp, images, labels = models.Misnamed().eval(), torch.randn(5, 1, 8, 8), torch.arange(5)
    found = [functional.cross_entropy(one, labels).item() for one in mlp(images).values()]
    by_hand = found[0] + 0.3 * found[1]
    assert models.loss_of(mlp, (images, labels)).item() == pytest.approx(by_hand, rel=1e-5)


def test_training_lowers_the_loss(sentences):
    torch.manual_seed(0)
    model, batches = models.Reader(6, blocks=1), sentences.asked(sentences.acting, size=20)
    before = models.loss_of(model, batches[0]).item()
    models.train(model, batches, epochs=10, optimizer=models.adam(model, 1e-2))
    assert models.loss_of(model, batches[0]).item() < before / 1.2


# Mistakes


def test_training_mode_is_another_number_and_leaves_the_model_alone(mlp, digits):
    batches = mistakes.in_batches(digits.train, 32)
    state = {name: value.clone() for name, value in mlp.state_dict().items()}
    mlp.eval()
    right = nclib.measure(mlp, batches).numbers["train"]
    wrong = mistakes.left_training(mlp, "score", batches).numbers["train"]
    in_order = mistakes.in_batches(digits.train, 32, seed=None)
    by_class = mistakes.left_training(mlp, "score", in_order).numbers["train"]
    assert wrong["nc1"] > 1.2 * right["nc1"]
    assert by_class["nc1"] > 20 * right["nc1"]
    assert not mlp.training
    assert not mlp.score._forward_pre_hooks
    assert all(torch.equal(value, state[name]) for name, value in mlp.state_dict().items())


def test_what_is_handed_over_has_the_counts_that_are_said(digits):
    count = lambda labels: torch.bincount(labels, minlength=10).tolist()  # noqa: E731
    assert count(mistakes.few(digits.train, 3)[1]) == [3] * 10
    whole = count(digits.test.labels)
    thinned = count(mistakes.thinned(digits.test, [8, 9], 4)[1])
    assert thinned == [*whole[:8], 4, 4]
    loaders = mistakes.padded(digits.test, 64)
    assert sum(len(labels) for loader in loaders for _, labels in loader) == 384
    batches = mistakes.in_batches(digits.train, 100, seed=None)
    assert torch.equal(torch.cat([y for _, y in batches]), digits.train.labels.sort().values)


def test_noise_is_drawn_for_each_batch(digits):
    batches = mistakes.in_batches(digits.test, 100)
    found = list(mistakes.augmented(batches, noise=0.5))
    off = torch.cat([x - y for (x, _), (y, _) in zip(found, batches, strict=True)])
    assert float(off.std()) == pytest.approx(0.5, rel=0.02)
    assert not torch.equal(off[:50], off[100:150])


def test_few_samples_look_tighter(mlp, digits):
    names = ["in:early.1", "in:score"]
    table = mistakes.by_samples(mlp, digits.train, names, [3, 100], draws=4)
    assert list(table.columns) == names
    assert (table.iloc[0] < table.iloc[1]).all()


# Pictures


@pytest.fixture(scope="module")
def slider():
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(90) % 3
    features = {
        f"in:body.{at}": 5 * at * torch.eye(3, 6)[labels] + torch.randn(90, 6, generator=generator)
        for at in (0, 1)
    }
    questions = {
        "which?": pictures.Answers(labels, ["a", "b", "$c$"]),
        "odd?": pictures.Answers(torch.arange(90) % 2, ["no", "yes"]),
    }
    return pictures.layer_slider(features, questions)


def test_a_slider_says_and_draws_the_layer(slider):
    seen = {}
    for layer in ("in:body.0", "in:body.1"):
        for question in ("which?", "odd?"):
            picture = slider(layer, question)
            seen[picture.png()] = picture.alt
            assert f"Read by {layer[3:]}: {question} NC1" in picture.alt
    assert len(seen) == 4
    assert "right for 100% of the samples" in slider("in:body.1", "which?").alt
    dots, tags = picture.axes[0].collections[0], picture.axes[0].texts
    assert len(dots.get_offsets()) == 90
    assert [tag.get_text() for tag in tags][:3] == ["a", "b", r"\$c\$"]
    slider("in:body.1", "odd?")
    assert [tag.get_text() for tag in tags][:3] == ["no", "yes", ""]


def test_mistakes_are_drawn_where_they_are():
    table = pd.DataFrame({"NC1": [3.5, 0.7], "NC3": [1.0, 1.1]}, index=["one", "other"])
    picture = pictures.mistakes(table)
    assert "one: NC1 3.5, NC3 1; other: NC1 0.7, NC3 1.1" in picture.alt
    nc1 = picture.axes[0].lines[1]
    assert nc1.get_xdata().tolist() == [3.5, 0.7]
    image = Image.open(io.BytesIO(picture.png()))
    assert image.width <= 900


def test_factors_are_over_the_split_that_is_named(mlp, digits):
    right = nclib.measure(mlp, digits)
    test = nclib.measure(mlp, (digits.test.images, digits.test.labels))
    assert pictures.factors(right, {"same": test}, "test").loc["same"].tolist() == [1, 1, 1]
    assert pictures.factors(right, {"other": test}, "train").loc["other", "NC1"] > 1
