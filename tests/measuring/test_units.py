"""Default units of known architectures, and of networks made to be awkward."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nclib.measuring.layers.units import default_units, few, first_tensor, logits_of, trace
from nclib.torchvision_guard import import_torchvision

CLASSES = 5
SMALL = {
    "hidden_size": 32,
    "num_attention_heads": 4,
    "intermediate_size": 37,
    "num_hidden_layers": 6,
}
TEXT = SMALL | {"vocab_size": 60, "max_position_embeddings": 40}
BLOCKS = range(6)


def torchvision(name, device="cpu", **settings):
    def build():
        build_model = getattr(import_torchvision().models, name)
        with torch.device(device):
            return build_model(num_classes=CLASSES, **settings), torch.rand(2, 3, 32, 32)

    return build


def timm(name):
    def build():
        import_torchvision()
        import timm

        return timm.create_model(name, num_classes=CLASSES), torch.rand(2, 3, 32, 32)

    return build


def hugging_face(name, config, *, images=False, **settings):
    def build():
        import_torchvision()
        import transformers

        torch.manual_seed(0)
        model = getattr(transformers, name)(getattr(transformers, config)(**settings))
        if images:
            return model, {"pixel_values": torch.randn(2, 3, 32, 32)}
        return model, {
            "input_ids": torch.randint(1, 50, (2, 8)),
            "attention_mask": torch.ones(2, 8),
        }

    return build


def vit(**settings):
    sizes = SMALL | {"image_size": 32, "patch_size": 8}
    return hugging_face("ViTForImageClassification", "ViTConfig", images=True, **sizes, **settings)


GPT2 = {"n_embd": 32, "n_head": 4, "n_layer": 6, "vocab_size": 60, "n_positions": 40}
GPT2 |= {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 1}

# model and inputs (on "meta" where weights take long), the classifier, how many units, some of them
MODELS = {
    "resnet18": (torchvision("resnet18"), "fc", 10, "conv1 layer1.0 layer1.1 layer4.1"),
    "resnet50": (torchvision("resnet50"), "fc", 18, "conv1 layer1.0 layer3.5 layer4.2"),
    "vgg16": (
        torchvision("vgg16", "meta"),
        "classifier.6",
        16,
        "features.0 classifier.0 classifier.3",
    ),
    "densenet121": (
        torchvision("densenet121"),
        "classifier",
        9,
        "features.conv0 features.denseblock1 features.transition1.conv features.denseblock4",
    ),
    "vit_b_16": (
        torchvision("vit_b_16", "meta", image_size=32),
        "heads.head",
        14,
        "conv_proj encoder.layers.encoder_layer_0 encoder.layers.encoder_layer_11",
    ),
    "swin_t": (torchvision("swin_t"), "head", 17, "features.0.0 features.1.0 features.7.1"),
    "convnext_tiny": (
        torchvision("convnext_tiny"),
        "classifier.2",
        23,
        "features.0.0 features.7.2",
    ),
    "efficientnet_b0": (torchvision("efficientnet_b0"), "classifier.1", 19, "features.8.0"),
    "googlenet": (
        torchvision("googlenet", init_weights=False),
        "fc",
        13,
        "conv1 inception3a inception5b",
    ),
    "timm_convnext": (timm("convnext_atto"), "head.fc", 6, "stem.0 stages.0 stages.3"),
    "timm_resnetv2": (timm("resnetv2_50"), "head.fc", 6, "stem.conv stages.0 stages.3"),
    "bert": (
        hugging_face("BertForSequenceClassification", "BertConfig", **TEXT),
        "classifier",
        8,
        "bert.encoder.layer.0 bert.encoder.layer.5 bert.pooler",
    ),
    "roberta": (
        hugging_face("RobertaForSequenceClassification", "RobertaConfig", **TEXT),
        "classifier.out_proj",
        7,
        "roberta.encoder.layer.0 roberta.encoder.layer.5",
    ),
    "gpt2": (
        hugging_face("GPT2ForSequenceClassification", "GPT2Config", **GPT2),
        "score",
        7,
        "transformer.h.0 transformer.h.5",
    ),
    "gpt2_language": (
        hugging_face("GPT2LMHeadModel", "GPT2Config", **GPT2),
        "lm_head",
        7,
        "transformer.h.0 transformer.h.5",
    ),
    "vit": (vit(), "classifier", 8, "vit.embeddings"),
    "albert": (  # one block, called six times
        hugging_face("AlbertForSequenceClassification", "AlbertConfig", **TEXT, embedding_size=16),
        "classifier",
        9,
        "albert.encoder.albert_layer_groups.0.albert_layers.0#0 "
        "albert.encoder.albert_layer_groups.0.albert_layers.0#5 albert.pooler",
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_units_of_known_architectures(name):
    build, head, count, some = MODELS[name]
    model, inputs = build()
    units = default_units(model, inputs, head)
    assert len(units) == count
    assert units[-1] == f"in:{head}"
    places = [units.index(f"in:{unit}") for unit in some.split()]
    assert places == sorted(places)
    assert places[0] == 0 or name == "efficientnet_b0" or name == "albert"


class Heads(nn.Module):
    """A trunk of two blocks; one head reads its middle, two read its end."""

    def __init__(self, frozen=False):
        super().__init__()
        self.first, self.second = nn.Linear(5, 4), nn.Linear(4, 4)
        self.middle, self.domain, self.main = (nn.Linear(4, n) for n in (2, 2, 3))
        self.first.requires_grad_(not frozen)

    def forward(self, x):
        x = self.first(x).relu()
        self.middle(x)
        x = self.second(x).relu()
        domain = self.domain(x)
        return self.main(x), domain


@pytest.mark.parametrize("frozen", [False, True])
def test_heads_beside_the_classifier_are_left_out(frozen):
    units = default_units(Heads(frozen), torch.randn(6, 5), "main")
    assert units == ["in:first", "in:second", "in:main"]


def test_without_a_classifier_the_units_that_lead_to_the_logits_remain():
    assert default_units(Heads(), torch.randn(6, 5)) == ["in:first", "in:second", "in:main"]


def test_a_module_that_is_called_again_is_a_unit_each_time():
    shared = nn.Linear(5, 5)
    model = nn.Sequential(shared, nn.ReLU(), shared, nn.ReLU(), nn.Linear(5, 3))
    assert default_units(model, torch.randn(6, 5), "4") == ["in:0#0", "in:0#1", "in:4"]


def test_a_list_of_blocks_is_looked_through_and_a_bare_layer_is_its_own_unit():
    blocks = nn.Module()
    blocks.layers = nn.ModuleList(nn.Linear(5, 5) for _ in range(3))

    def forward(x):
        for layer in blocks.layers:
            x = layer(x)
        return x

    blocks.forward = forward
    model, x = nn.Sequential(nn.Linear(5, 5), blocks, nn.Linear(5, 3)), torch.randn(6, 5)
    assert default_units(model, x, "2") == [
        *("in:0", "in:1.layers.0", "in:1.layers.1", "in:1.layers.2", "in:2")
    ]
    assert default_units(nn.Linear(5, 3), x, "") == ["in:"]
    assert default_units(nn.Linear(5, 3), x) == ["in:"]


def test_an_unknown_classifier_is_answered_with_close_names():
    with pytest.raises(ValueError, match="no module 'mian'; it has main"):
        default_units(Heads(), torch.randn(6, 5), "mian")
    model = nn.Sequential(nn.Linear(5, 3))
    model.aside = nn.ModuleList([nn.Linear(3, 3)])
    model.forward = lambda x: model[0](x)
    with pytest.raises(ValueError, match=r"head is 'aside\.0', which the model did not call"):
        default_units(model, torch.randn(6, 5), "aside.0")


def test_nothing_of_the_model_or_the_generators_changes():
    model = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 3))
    model[1].eval()
    weights = [*model.parameters()]
    before = [value.clone() for value in model.state_dict().values()]
    modes, generator = [m.training for m in model.modules()], torch.get_rng_state()
    default_units(model, torch.randn(6, 5, generator=torch.Generator()), "3")
    assert all(map(torch.equal, before, model.state_dict().values()))
    assert all(one is other for one, other in zip(weights, model.parameters(), strict=True))
    assert all(one.grad is None for one in model.parameters())
    assert [m.training for m in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), generator)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_a_trace_tells_calls_in_order():
    relu = nn.ReLU()
    model = nn.Sequential(relu, relu)
    told = [
        (e.module is model, e.number, e.begins, e.shape) for e in trace(model, torch.ones(9, 2))
    ]
    inner = [(False, n, begins, (4, 2)) for n in (0, 1) for begins in (True, False)]
    assert told == [(True, 0, True, (4, 2)), *inner, (True, 0, False, (4, 2))]


def test_few_keeps_the_nesting_and_what_is_no_batch():
    x, scale = torch.arange(9), torch.tensor(2.0)
    assert torch.equal(few(x), x[:4])
    cut = few({"x": x, "more": (x[:, None], [scale]), "name": "a", "table": torch.ones(3)})
    assert [len(cut["x"]), len(cut["more"][0]), len(cut["table"])] == [4, 4, 3]
    assert torch.equal(cut["more"][1][0], scale)
    assert cut["name"] == "a"


class Outputs(dict):
    """As of transformers: by name, and an attribute."""

    @property
    def logits(self):
        return self["logits"]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda logits, loss: logits,
        lambda logits, loss: (loss, logits),
        lambda logits, loss: {"loss": loss, "logits": logits},
        lambda logits, loss: {"loss": loss, "out": logits},
        lambda logits, loss: Outputs(loss=loss, logits=logits),
    ],
)
def test_the_logits_are_found_in_what_models_return(wrap):
    logits = torch.ones(2, 3)
    assert logits_of(wrap(logits, torch.tensor(1.0))) is logits


def test_no_tensor_is_no_logits():
    assert logits_of(None) is logits_of(torch.tensor(1.0)) is logits_of({"a": "b"}) is None
    assert first_tensor([None, {"a": "b"}]) is None
