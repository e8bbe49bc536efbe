"""Classifiers of models of torchvision, timm and transformers: found, or refused."""

from __future__ import annotations

import importlib
from typing import NamedTuple

import pytest
import torch

from nclib.measuring.finding.heads import find_head, reading
from nclib.torchvision_guard import import_torchvision

pytestmark = pytest.mark.slow
NONE = "no linear classifier"


class Case(NamedTuple):
    package: str
    model: str
    found: str  # the name of the classifier, or NONE
    rows: str = "one"
    size: int = 64  # of images
    settings: dict = {}  # noqa: RUF012 - not changed


TABLE = [
    Case("torchvision", "resnet18", "fc"),
    Case("torchvision", "resnet50", "fc"),
    Case("torchvision", "googlenet", "fc"),
    Case("torchvision", "regnet_y_400mf", "fc"),
    Case("torchvision", "vgg16", "classifier.6", size=32),
    Case("torchvision", "densenet121", "classifier"),
    Case("torchvision", "mobilenet_v3_small", "classifier.3"),
    Case("torchvision", "efficientnet_b0", "classifier.1"),
    Case("torchvision", "vit_b_16", "heads.head", size=32, settings={"image_size": 32}),
    Case("torchvision", "swin_t", "head"),
    Case("torchvision", "convnext_tiny", "classifier.2"),
    Case("torchvision", "maxvit_t", "classifier.5", size=224),
    Case("torchvision", "squeezenet1_1", NONE),
    Case("timm", "vit_tiny_patch16_224", "head", size=32, settings={"img_size": 32}),
    Case(
        *("timm", "vit_tiny_patch16_224", "head", "one", 32),
        {"img_size": 32, "global_pool": "avg", "class_token": False},
    ),
    Case("timm", "convnext_atto", "head.fc"),
    Case("timm", "cait_xxs24_224", "head", size=32, settings={"img_size": 32}),
    Case("timm", "mixer_s32_224", "head", size=64, settings={"img_size": 64}),
    Case("timm", "efficientnet_b0", "classifier"),
    Case("timm", "mobilenetv4_conv_small", "classifier"),
    Case("timm", "resnetv2_50", "head.fc"),
    Case("timm", "resnetv2_50x1_bit", "head.fc"),
    Case("timm", "deit_tiny_distilled_patch16_224", NONE, size=32, settings={"img_size": 32}),
    Case("timm", "levit_128s", NONE, size=224),
    Case("transformers", "BertForSequenceClassification", "classifier"),
    Case("transformers", "RobertaForSequenceClassification", "classifier.out_proj"),
    Case("transformers", "AlbertForSequenceClassification", "classifier"),
    Case("transformers", "ElectraForSequenceClassification", "classifier.out_proj"),
    Case("transformers", "DistilBertForSequenceClassification", "classifier"),
    Case("transformers", "BertForTokenClassification", "classifier", "every"),
    Case("transformers", "GPT2LMHeadModel", "lm_head", "every"),
    Case("transformers", "GPT2ForSequenceClassification", "score", "gather"),
    Case("transformers", "LlamaForSequenceClassification", "score", "gather"),
    Case("transformers", "BartForSequenceClassification", "classification_head.out_proj"),
    Case("transformers", "ViTForImageClassification", "classifier", size=32),
    Case("transformers", "ResNetForImageClassification", "classifier.1", size=32),
]
SMALL = {
    "vocab_size": 50,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "embedding_size": 32,
    "image_size": 32,
    "patch_size": 16,
    "pad_token_id": 0,
    "num_labels": 5,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "dim": 32,
    "n_layers": 2,
    "n_heads": 2,
    "hidden_dim": 64,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 2,
    "n_positions": 64,
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "eos_token_id": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
}
RESNET = {"hidden_sizes": [8, 16], "depths": [1, 1], "embedding_size": 8, "num_labels": 5}


def of_torchvision(case):
    settings = {"googlenet": {"init_weights": False}}.get(case.model, {}) | case.settings
    return import_torchvision().models.get_model(case.model, num_classes=7, **settings)


def of_timm(case):
    import_torchvision()
    timm = importlib.import_module("timm")
    return timm.create_model(case.model, pretrained=False, num_classes=7, **case.settings)


def of_transformers(case):
    import_torchvision()
    transformers = importlib.import_module("transformers")
    kind = getattr(transformers, case.model)
    settings = RESNET if "ResNet" in case.model else SMALL
    names = kind.config_class().to_dict() | {"num_labels": 5, "pad_token_id": 0}
    return kind(kind.config_class(**{n: v for n, v in settings.items() if n in names}))


BUILD = {"torchvision": of_torchvision, "timm": of_timm, "transformers": of_transformers}


def batch(case):
    """Images, or tokens of different lengths."""
    if case.package != "transformers":
        return torch.randn(3 if case.size < 200 else 2, 3, case.size, case.size)
    if "Image" in case.model:
        return {"pixel_values": torch.randn(3, 3, case.size, case.size)}
    tokens = torch.randint(3, 50, (3, 9))
    tokens[:, -1] = 2  # Bart reads the end of the sentence
    mask = torch.ones_like(tokens)
    if "Bart" not in case.model:
        mask[1, 5:] = mask[2, 7:] = 0
    return {"input_ids": tokens * mask, "attention_mask": mask}


@pytest.fixture(autouse=True)
def _one_seed():
    torch.manual_seed(0)


def words(case):
    return "-".join(
        [case.package, case.model, *filter(str.isalpha, map(str, case.settings.values()))]
    )


@pytest.mark.parametrize("case", TABLE, ids=words)
@pytest.mark.filterwarnings("ignore")
def test_the_classifier_is_found(case):
    pytest.importorskip(case.package) if case.package != "torchvision" else import_torchvision()
    model, inputs = BUILD[case.package](case), batch(case)
    if case.found == NONE:
        with pytest.raises(ValueError, match=r"none of its calls .* misfit 0\.\d"):
            find_head(model, inputs)
        return
    head = find_head(model, inputs)
    assert (head.name, head.rows) == (case.found, case.rows)
    assert head.misfit < 1e-6
    with reading(model, head) as read:
        one = read(inputs)
    assert one.features.shape[1] == one.weight.shape[1] == head.num_features
    error = one.features @ one.weight.mT + one.bias - one.logits
    assert error.abs().max() < 1e-4 * one.logits.abs().max().clamp_min(1)
