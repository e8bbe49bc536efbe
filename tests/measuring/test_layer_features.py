"""What the hooks on layers see, how it becomes rows, and that nothing of them is left."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import linear

from nclib.measuring.layers.channels import channel_of
from nclib.measuring.layers.layer_features import layer_features
from nclib.measuring.layers.tokens import rule
from nclib.measuring.layers.units import call_counts, call_name, default_units, trace
from nclib.torchvision_guard import import_torchvision


def taken(model, layers, inputs, **settings):
    """The layers' features of one pass, and what is said of positions."""
    with layer_features(model, layers, inputs=inputs, **settings) as seen:
        model(**inputs) if isinstance(inputs, dict) else model(inputs)
        return seen.take(), seen.says


def chain():
    torch.manual_seed(0)
    sizes = nn.Linear(5, 4), nn.BatchNorm1d(4), nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(4, 3)
    return nn.Sequential(*sizes)


def convolutions():
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 6, 3), nn.ReLU(inplace=True), nn.Conv2d(6, 4, 3), nn.Flatten()
    return nn.Sequential(*layers, nn.Linear(64, 3))


# Names


def test_a_name_is_the_output_and_in_is_what_is_read():
    model, x = chain(), torch.randn(7, 5)
    found, _ = taken(model, ["0", "in:4", "4", "in:0", "in:", ""], x)
    model.eval()
    assert torch.equal(found["0"], linear(x, model[0].weight, model[0].bias))
    assert torch.equal(found["in:4"], model[:4](x))
    assert torch.equal(found["4"], model(x))
    assert torch.equal(found["in:0"], x)
    assert torch.equal(found["in:"], x)
    assert torch.equal(found[""], found["4"])


def test_each_call_of_a_reused_module_has_its_number():
    shared, x = nn.Linear(5, 5), torch.randn(7, 5)
    model = nn.Sequential(shared, nn.ReLU(), shared)
    found, _ = taken(model, ["0#0", "0#1", "in:0#1", "2#1"], x)
    assert torch.equal(found["0#0"], shared(x))
    assert torch.equal(found["in:0#1"], shared(x).relu())
    assert torch.equal(found["0#1"], model(x))
    assert torch.equal(found["2#1"], found["0#1"])  # the same module by its other name


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        (["0"], r"'0', which is called 2 times; say which: 0#0 … 0#1"),
        (["0#2"], r"'0#2', but '0' is called 2 times, from #0 on"),
        (["0#first"], r"'0#first', but '0' is called 2 times"),
        (["relu"], r"no module 'relu'"),
        (["1", "1"], r"'1' twice"),
        (["aside"], r"'aside', whose hook was never called"),
        (["in:table"], r"'in:table', which reads no floating numbers"),
    ],
)
def test_a_name_that_means_no_call_is_refused(layers, said):
    shared = nn.Linear(5, 5)
    model = nn.Sequential(shared, nn.ReLU(), shared)
    model.aside, model.table = nn.Linear(2, 2), nn.Embedding(3, 5)
    model.forward = lambda ids: shared(model[1](shared(model.table(ids))))
    with pytest.raises(ValueError, match=said):
        taken(model, layers, torch.zeros(7, dtype=torch.int64))


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"positions": "max"}, "positions is 'max'; take one of mean, flatten"),
        ({"tokens": "first"}, "tokens is 'first'; take auto"),
        ({"tokens": 9}, "tokens is 9, but '0' has 6 tokens"),
    ],
)
def test_options_that_are_none_are_refused(option, said):
    with pytest.raises(ValueError, match=said):
        taken(nn.Sequential(nn.Linear(5, 5)), ["0"], torch.randn(7, 6, 5), **option)


# Positions


def test_maps_become_means_or_longer_rows():
    model, x = convolutions(), torch.randn(7, 3, 8, 8)
    mean, said = taken(model, ["0", "in:2", "in:4"], x)
    flat, said_flat = taken(model, ["0", "in:2", "in:4"], x, positions="flatten")
    first = model[0](x)
    assert torch.allclose(mean["0"], first.mean((2, 3)))
    assert torch.equal(flat["0"], first.flatten(1))
    assert torch.allclose(mean["in:2"], first.relu().mean((2, 3)))
    assert torch.equal(flat["in:4"], mean["in:4"])
    assert (said, said_flat) == ("mean over positions", "positions flattened")


def test_half_precision_is_averaged_in_float32():
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Flatten(), nn.Linear(2 * 64 * 64, 3)).bfloat16()
    x = torch.rand(3, 1, 64, 64).bfloat16()
    found = taken(model, ["0"], x)[0]["0"]
    assert found.dtype == torch.float32
    assert torch.allclose(found, model[0](x).double().mean((2, 3)).float(), rtol=1e-6)


def swin():
    torch.manual_seed(0)
    swin_t = import_torchvision().models.swin_transformer
    return swin_t.SwinTransformer([2, 2], 8, [1, 2], [2, 2], [4, 4], num_classes=3)


@pytest.mark.parametrize(
    ("build", "shape", "expected"),
    [
        (convolutions, (2, 3, 8, 8), {"0": 1, "in:2": 1, "in:4": 1, "4": 1}),
        (
            swin,
            (2, 3, 32, 32),
            {"features.0": 3, "in:features.1": 3, "in:features.2": 3, "norm": 3},
        ),
    ],
)
def test_the_channels_are_what_the_next_weight_reads(build, shape, expected):
    model = build()
    events = trace(model, torch.randn(shape))
    modules = dict(model.named_modules())
    for name, dimension in expected.items():
        module, reads = modules[name.removeprefix("in:")], name.startswith("in:")
        place = next(i for i, e in enumerate(events) if (e.module, e.begins) == (module, reads))
        assert channel_of(events, place) == dimension, name


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (nn.Conv2d(5, 2, 1), (2, 5, 5, 5), 1),  # all sizes alike: by the kind of layer
        (nn.BatchNorm2d(5), (2, 5, 5, 5), 1),
        (nn.LayerNorm(5), (2, 5, 5, 5), 3),
        (nn.Linear(5, 2), (2, 5, 5, 5), 3),
        (nn.GroupNorm(1, 5), (2, 5, 7), 1),
        (nn.MultiheadAttention(4, 2), (2, 6, 4), 2),
        (nn.Conv3d(5, 2, 1), (2, 5, 7, 7, 7), 1),
        (nn.Identity(), (2, 7, 7, 5), 3),  # nobody reads it: by its shape
        (nn.Identity(), (2, 5, 7, 7), 1),
        (nn.Identity(), (2, 6, 4), 2),
        (nn.Identity(), (2, 6), 1),
    ],
)
def test_channels_where_sizes_are_alike_or_nothing_reads(layer, shape, expected):
    model = nn.Module()
    model.layer = layer
    many = isinstance(layer, nn.MultiheadAttention)
    model.forward = lambda x: layer(x, x, x) if many else layer(x)
    assert channel_of(trace(model, torch.randn(shape)), 0) == expected


# Tokens


class Encoder(nn.Module):
    """Two blocks that mix tokens, and a classifier that reads some of them."""

    def __init__(self, choose, zero=False):
        super().__init__()
        torch.manual_seed(0)
        self.choose = choose
        block = {"nhead": 2, "dim_feedforward": 8, "batch_first": True, "dropout": 0.0}
        self.blocks = nn.Sequential(*(nn.TransformerEncoderLayer(4, **block) for _ in range(2)))
        self.head = nn.Linear(4, 3)
        if zero:
            nn.init.zeros_(self.head.weight)

    def forward(self, x, attention_mask=None):
        return self.head(self.choose(self.blocks(x), attention_mask))


def last(x, mask):
    return x[torch.arange(len(x)), mask.sum(1) - 1] if mask is not None else x[:, -1]


def masked_mean(x, mask):
    return (x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


READS = {
    "first": (lambda x, _: x[:, 0], lambda x, _: x[:, 0], "token 0"),
    "third": (lambda x, _: x[:, 3], lambda x, _: x[:, 3], "token 3"),
    "two": (lambda x, _: x[:, 0] - x[:, 2], lambda x, _: (x[:, 0] + x[:, 2]) / 2, "token 0 and 2"),
    "all but one": (lambda x, _: x[:, 1:].mean(1), lambda x, _: x[:, 1:].mean(1), "from 1 on"),
    "all": (lambda x, _: x.mean(1), lambda x, _: x.mean(1), "mean over tokens"),
    "last": (last, last, "last token"),
}


@pytest.mark.parametrize("zero", [False, True], ids=["", "zero head"])
@pytest.mark.parametrize("name", READS)
def test_tokens_are_taken_as_the_classifier_reads_them(name, zero):
    choose, expected, said = READS[name]
    model, x = Encoder(choose, zero), torch.randn(7, 6, 4)
    found, says = taken(model, ["in:blocks.1", "in:head"], x, head="head")
    model.eval()
    with torch.no_grad():
        assert torch.allclose(found["in:blocks.1"], expected(model.blocks[0](x), None), atol=1e-6)
    assert said in says


@pytest.mark.parametrize("choose", [last, masked_mean])
def test_padding_is_left_out_in_every_batch(choose):
    model = Encoder(choose)
    batches = [torch.tensor([[1, 1, 1, 0, 0], [1, 0, 0, 0, 0], [1, 1, 1, 1, 1]]), torch.ones(3, 4)]
    inputs = [{"x": torch.randn(*m.shape, 4), "attention_mask": m.long()} for m in batches]
    with layer_features(model, ["in:blocks.1"], inputs=inputs[0]) as seen:
        for batch in inputs:
            model(**batch)
            expected = choose(model.blocks[0](batch["x"]), batch["attention_mask"])
            assert torch.allclose(seen.take()["in:blocks.1"], expected, atol=1e-6)


def test_padding_that_is_not_a_number_does_not_reach_the_mean():
    model, mask = Encoder(masked_mean), torch.tensor([[1, 1, 0], [1, 1, 1]])
    x = torch.randn(2, 3, 4)
    inputs = {"x": x.masked_fill(mask[..., None] == 0, torch.nan), "attention_mask": mask}
    found = taken(model, ["in:blocks.0"], inputs, tokens="mean")[0]["in:blocks.0"]
    assert torch.allclose(found, torch.stack([x[0, :2].mean(0), x[1].mean(0)]))


def test_one_token_flattened_tokens_or_all_tokens_as_samples_on_request():
    model, x = Encoder(lambda x, _: x.mean(1)), torch.randn(7, 6, 4)
    first = model.eval().blocks[0](x).detach()
    layer = ["in:blocks.1"]
    one, said = taken(model, layer, x, tokens=2)
    assert torch.allclose(one[layer[0]], first[:, 2], atol=1e-6)
    assert said == "token 2"
    back, _ = taken(model, layer, x, tokens=-1)
    assert torch.allclose(back[layer[0]], first[:, -1], atol=1e-6)
    flat, said = taken(model, layer, x, positions="flatten")
    assert said == "flattened tokens"
    assert torch.allclose(flat[layer[0]], first.flatten(1), atol=1e-6)
    every, said = taken(model, layer, x, tokens="every")
    assert torch.allclose(every[layer[0]], first.flatten(0, 1), atol=1e-6)
    assert said == "every position is a sample"


def test_where_every_position_has_logits_each_is_a_sample():
    words, x = Encoder(lambda x, _: x), torch.randn(7, 6, 4)
    found, said = taken(words, ["in:head"], x)
    assert torch.allclose(found["in:head"], words.blocks(x).flatten(0, 1), atol=1e-5)
    assert said == "every position is a sample"
    pixels, x = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 2, 1)), torch.randn(7, 3, 5, 6)
    found, _ = taken(pixels, ["in:1"], x)
    assert torch.allclose(found["in:1"], pixels[0](x).movedim(1, -1).flatten(0, 2))


@pytest.mark.parametrize(
    ("read", "numbered", "kind", "places"),
    [
        ([[1, 1], [1, 1]], None, "mean", ()),
        ([[1, 0, 0], [1, 0, 0]], None, "some", (0,)),
        ([[0, 0, 1], [0, 0, 1]], None, "last", ()),
        ([[0, 1, 0], [0, 0, 1]], [[1, 1, 0], [1, 1, 1]], "last", ()),
        ([[1, 0, 0], [1, 0, 0]], [[1, 0, 0], [1, 0, 0]], "some", (0,)),
        ([[0, 1, 0], [0, 0, 1]], None, "mean", ()),  # moves without a mask: no rule
        ([[0, 1, 1], [0, 1, 1]], None, "from", (1,)),
        ([[1, 1, 0], [1, 1, 0]], None, "some", (0, 1)),
        ([[0, 0], [0, 0]], None, "mean", ()),
    ],
)
def test_rules_of_reading(read, numbered, kind, places):
    numbered = None if numbered is None else torch.tensor(numbered).bool()
    found = rule(torch.tensor(read).bool(), numbered)
    assert (found.kind, found.places) == (kind, places)
    assert ("no rule" in found.says) == (kind == "mean" and not torch.tensor(read).all())


def hugging_face(kind, config, **settings):
    import_torchvision()
    import transformers

    torch.manual_seed(0)
    sizes = {"vocab_size": 60, "pad_token_id": 0, **settings}
    return getattr(transformers, f"{kind}ForSequenceClassification")(
        getattr(transformers, f"{kind}Config")(**sizes)
    )


SMALL = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16}
SMALL |= {"num_hidden_layers": 2, "max_position_embeddings": 40}
TEXT = {
    "Bert": (SMALL, "token 0"),
    "Roberta": (SMALL, "token 0"),
    "Albert": (SMALL | {"embedding_size": 8}, "token 0"),
    "GPT2": (
        {"n_embd": 16, "n_head": 2, "n_layer": 2, "n_positions": 40}
        | {"bos_token_id": 1, "eos_token_id": 1},
        "last token",
    ),
}


@pytest.mark.parametrize("kind", TEXT)
def test_tokens_of_text_classifiers(kind):
    settings, said = TEXT[kind]
    model = hugging_face(kind, f"{kind}Config", **settings)
    ids = torch.randint(1, 60, (4, 12))
    for row, length in enumerate((12, 8, 5, 12)):
        ids[row, length:] = 0
    inputs = {"input_ids": ids, "attention_mask": (ids != 0).long()}
    head = {"Roberta": "classifier.out_proj", "GPT2": "score"}.get(kind, "classifier")
    found, says = taken(model, default_units(model, inputs, head), inputs, head=head)
    assert said in says
    assert {len(features) for features in found.values()} == {4}
    if kind == "GPT2":
        logits = model.eval()(**inputs).logits
        assert torch.allclose(linear(found["in:score"], model.score.weight), logits, atol=1e-6)


VISION = {
    "class token": ("VisionTransformer", {"global_pool": "token"}, "token 0"),
    "all but it": (
        "VisionTransformer",
        {"global_pool": "avg"},
        "mean over tokens from 1 on, as read",
    ),
    "distilled": ("VisionTransformerDistilled", {}, "token 0 and 1"),
    "mixer": ("MlpMixer", {}, "mean over tokens"),
}


@pytest.mark.parametrize("name", VISION)
def test_tokens_of_image_transformers(name):
    import_torchvision()
    from timm import models

    torch.manual_seed(0)
    kind, settings, said = VISION[name]
    sizes = {"img_size": 64, "patch_size": 16, "embed_dim": 24, "num_classes": 3}
    sizes |= {"num_blocks": 2} if kind == "MlpMixer" else {"depth": 2, "num_heads": 2}
    model = getattr(models, kind)(**sizes, **settings)
    nn.init.normal_(model.head.weight)
    found, says = taken(model, ["in:blocks.1"], torch.randn(4, 3, 64, 64))
    assert said in says
    assert found["in:blocks.1"].shape == (4, 24)


# In place


def out_of_place(model):
    """A copy in which nothing writes into what was there before."""
    other = copy.deepcopy(model)
    for module in other.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
    return other


def every_call(model, x):
    """The names of all calls of modules inside, by their outputs."""
    events = trace(model, x)
    calls = call_counts(events)
    ends = [event for event in events if not event.begins and event.module is not model]
    return [call_name(model, e.module, e.number, calls[e.module]) for e in ends]


@pytest.mark.parametrize(
    "name", ["resnet18", "efficientnet_b0", pytest.param("densenet121", marks=pytest.mark.slow)]
)
def test_networks_that_write_in_place_give_what_their_copies_give(name):
    torch.manual_seed(0)
    model, x = getattr(import_torchvision().models, name)(num_classes=3), torch.randn(3, 3, 32, 32)
    layers = every_call(model, x)
    found, _ = taken(model, layers, x)
    expected, _ = taken(out_of_place(model), layers, x)
    assert all(torch.equal(found[layer], expected[layer]) for layer in layers)


def test_what_was_taken_is_not_written_into_later():
    model, x = chain().eval(), torch.randn(7, 5)
    with layer_features(model, ["1", "2", "in:0"], inputs=x) as seen:
        model(x)
        found = seen.take()
    assert (found["1"] < 0).any()  # the ReLU behind it works in place
    assert torch.equal(found["2"], found["1"].relu())
    x.zero_()
    assert found["in:0"].any()


def test_a_model_that_writes_into_its_inputs_does_so_in_its_own_passes_alone():
    model, x = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(5, 3)), torch.randn(7, 5)
    before = x.clone()
    with layer_features(model, ["1"], inputs=x):
        assert torch.equal(x, before)
    assert default_units(model, x, "1") == ["in:1"]
    assert torch.equal(x, before)


# Nothing is left


def state(model):
    hooks = [len(m._forward_pre_hooks) + len(m._forward_hooks) for m in model.modules()]
    return hooks, [m.training for m in model.modules()], torch.get_rng_state()


@pytest.mark.parametrize("end", ["well", "in the forward pass", "in the loader", "an interrupt"])
def test_state_modes_and_generators_are_as_before_on_every_way_out(end):
    model = chain().train()
    model[1].eval()  # frozen on purpose
    values = copy.deepcopy(model.state_dict())
    x = torch.randn(7, 5)
    hooks, modes, generator = state(model)
    kinds = {"in the forward pass": RuntimeError, "in the loader": LookupError}
    error = kinds.get(end, KeyboardInterrupt)
    try:
        with layer_features(model, ["in:4", "0"], inputs=x) as seen:
            model(x[:, :4] if end == "in the forward pass" else x)
            seen.take()
            if end != "well":
                raise error
    except error:
        assert end != "well"
    after = state(model)
    assert (hooks, modes) == after[:2]
    assert not any(hooks)
    assert torch.equal(generator, after[2])
    assert all(torch.equal(value, values[name]) for name, value in model.state_dict().items())


def test_batches_made_in_inference_mode_are_read():
    model = Encoder(lambda x, _: x[:, 0])
    with torch.inference_mode():
        x = torch.randn(7, 6, 4)
    assert "token 0" in taken(model, ["in:blocks.1"], x)[1]


def test_layers_that_draw_even_in_evaluation_mode_do_not_move_the_generators():
    class Noisy(nn.Module):
        def forward(self, x):
            return x + torch.randn(len(x), 1)

    model, x = nn.Sequential(nn.Linear(5, 5), Noisy(), nn.Linear(5, 3)), torch.randn(7, 5)
    before = torch.get_rng_state()
    with layer_features(model, ["1"], inputs=x):
        assert torch.equal(torch.get_rng_state(), before)


# Compiled models


def compiled(model, how):
    if how == "the child":
        model[0] = torch.compile(model[0], backend="eager")
    elif how == "in place":
        model.compile(backend="eager")
    else:
        model = torch.compile(model, backend="eager")
    return model


@pytest.mark.parametrize("how", ["the whole", "in place", "the child"])
def test_compiled_models_that_were_called_before_are_measured_right(how):
    plain, x = nn.Sequential(chain(), nn.Linear(3, 3)).eval(), torch.randn(7, 5)
    model = compiled(copy.deepcopy(plain), how)
    with torch.no_grad():
        model(x)  # from now on hooks would be left out
    inner = "0._orig_mod" if how == "the child" else "0"
    found, _ = taken(model, [f"in:{inner}.4", "1"], x)
    expected, _ = taken(plain, ["in:0.4", "1"], x)
    assert torch.equal(found[f"in:{inner}.4"], expected["in:0.4"])
    assert torch.equal(found["1"], expected["1"])
    assert default_units(model, x, "1")[-2:] == [f"in:{inner}.4", "in:1"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_inside_of_a_traced_module_cannot_be_seen():
    plain, x = chain().eval(), torch.randn(7, 5)
    traced = torch.jit.trace(plain, x)
    for model, name in ((traced, "0"), (nn.Sequential(traced, nn.Linear(3, 3)), "0.4")):
        with pytest.raises(ValueError, match=r"hook was never called.*TorchScript"):
            taken(model, [name], x)
    around, _ = taken(nn.Sequential(traced, nn.Linear(3, 3)), ["in:1"], x)
    assert torch.allclose(around["in:1"], plain(x))


def test_a_layer_that_is_silent_in_a_later_batch_is_named():
    model, x = chain(), torch.randn(7, 5)
    with layer_features(model, ["in:4", "0"], inputs=x) as seen:
        model(x)
        seen.take()
        with pytest.raises(ValueError, match="'in:4', whose hook was never called"):
            seen.take()  # no pass since
        model[0](x)
        with pytest.raises(ValueError, match="'in:4', whose hook was never called"):
            seen.take()


def test_rows_that_are_no_samples_are_refused():
    class Windows(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.head = nn.Linear(5, 4), nn.Linear(8, 3)

        def forward(self, x):
            return self.head(
                self.inner(x.unflatten(1, (2, 5)).flatten(0, 1)).unflatten(0, (-1, 2)).flatten(1)
            )

    with pytest.raises(ValueError, match="'inner' with 14 rows for 7 samples"):
        taken(Windows(), ["inner"], torch.randn(7, 10))
