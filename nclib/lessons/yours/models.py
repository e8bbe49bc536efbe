"""Networks of notebook 11: ordinary ones, with what a user's own network brings along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from nclib.lessons.yours.texts import LONGEST, WORDS
from nclib.shapes import Float, Int, Number, Tensor
from nclib.torchvision_guard import import_torchvision

Batch = tuple[Any, Tensor] | dict[str, Tensor]


# Images


def small_resnet(num_classes: int = 10, channels: int = 1) -> nn.Module:
    """The ResNet of torchvision, cut down to two blocks of 64 and 128 channels for tiny images."""
    resnet = import_torchvision().models.resnet
    model = resnet.ResNet(resnet.BasicBlock, [1, 1, 1, 1], num_classes=num_classes)
    model.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
    model.maxpool = model.layer3 = model.layer4 = nn.Identity()
    model.fc = nn.Linear(128, num_classes)
    return model


class Misnamed(nn.Module):
    """An MLP whose logits come from ``score``; ``classifier`` is a helper of its first layers.

    Such a second classifier, in the middle, is trained along and idle afterwards.
    """

    def __init__(self, num_classes: int = 10, pixels: int = 64, width: int = 64) -> None:
        super().__init__()
        self.score = nn.Linear(width, num_classes)
        self.early = nn.Sequential(
            nn.Flatten(), nn.Linear(pixels, width), nn.BatchNorm1d(width), nn.ReLU()
        )
        self.late = nn.Sequential(
            nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(),
            nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(),
        )  # fmt: skip
        self.classifier = nn.Linear(width, num_classes)

    def forward(self, images: Float[Tensor, "B ..."]) -> dict[str, Tensor]:
        """``logits``, and those of the helper, ``early_logits``."""
        early = self.early(images)
        return {"logits": self.score(self.late(early)), "early_logits": self.classifier(early)}


class Squashed(nn.Module):
    """Two layers and a sigmoid: its outputs are no affine function of any features."""

    def __init__(self, num_classes: int, inputs: int = 8, width: int = 6) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, width)
        self.second = nn.Linear(width, num_classes)

    def hidden(self, inputs: Float[Tensor, "B q"], layer: str) -> Tensor:
        """What ``"first"`` or ``"second"`` reads."""
        return inputs if layer == "first" else self.first(inputs).relu()

    def forward(self, inputs: Float[Tensor, "B q"]) -> Float[Tensor, "B C"]:
        """Between 0 and 1, each class for itself."""
        return self.second(self.hidden(inputs, "second")).sigmoid()


# Text


class Encoder(nn.Module):
    """Words and places embedded, then blocks of ``nn.TransformerEncoderLayer``."""

    def __init__(self, width: int, blocks: int, causal: bool = False) -> None:
        super().__init__()
        self.words = nn.Embedding(len(WORDS), width)
        self.places = nn.Embedding(LONGEST + 1, width)
        made = [_block(width) for _ in range(blocks)]
        self.blocks = nn.ModuleList(made)
        self.causal = causal

    def forward(
        self, input_ids: Int[Tensor, "B T"], attention_mask: Int[Tensor, "B T"]
    ) -> Float[Tensor, "B T p"]:
        """Features of each place."""
        length = input_ids.shape[1]
        x = self.words(input_ids) + self.places(torch.arange(length, device=input_ids.device))
        ahead = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
        for block in self.blocks:
            x = block(
                x, src_mask=ahead if self.causal else None, src_key_padding_mask=attention_mask == 0
            )
        return x


def _block(width: int) -> nn.Module:
    return nn.TransformerEncoderLayer(
        width, 2, 2 * width, dropout=0.0, batch_first=True, norm_first=True
    )


class Reader(nn.Module):
    """A text classifier: the mean over a sentence's words, then a linear layer."""

    def __init__(self, num_classes: int, width: int = 32, blocks: int = 3) -> None:
        super().__init__()
        self.encoder = Encoder(width, blocks)
        self.norm = nn.LayerNorm(width)
        self.answer = nn.Linear(width, num_classes)

    def forward(
        self, input_ids: Int[Tensor, "B T"], attention_mask: Int[Tensor, "B T"]
    ) -> dict[str, Tensor]:
        """``logits`` (B, C)."""
        x = self.norm(self.encoder(input_ids, attention_mask))
        real = attention_mask[..., None].to(x)
        return {"logits": self.answer((x * real).sum(1) / real.sum(1))}


class Writer(nn.Module):
    """A causal language model: at each place logits of the next word; the embedding is tied."""

    def __init__(self, width: int = 16, blocks: int = 2) -> None:
        super().__init__()
        self.encoder = Encoder(width, blocks, causal=True)
        self.norm = nn.LayerNorm(width)

    def forward(
        self, input_ids: Int[Tensor, "B T"], attention_mask: Int[Tensor, "B T"]
    ) -> dict[str, Tensor]:
        """``logits`` (B, T, number of words)."""
        x = self.norm(self.encoder(input_ids, attention_mask))
        return {"logits": functional.linear(x, self.encoder.words.weight)}


# Training, as anybody would write it


def loss_of(model: nn.Module, batch: Batch) -> Tensor:
    """Mean cross-entropy of (inputs, labels), or of a dict with ``labels``; -100 is left out.

    Labels that are the words themselves are asked for one place earlier.
    """
    if not isinstance(batch, dict):
        inputs, labels = batch
        outputs = model(inputs)
    else:
        labels = batch["labels"]
        outputs = model(**{name: x for name, x in batch.items() if name != "labels"})
    logits = outputs["logits"] if isinstance(outputs, dict) else outputs
    if labels.ndim == 2:
        logits, labels = logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()
    loss = functional.cross_entropy(logits, labels)
    if isinstance(outputs, dict) and "early_logits" in outputs:
        loss = loss + 0.3 * functional.cross_entropy(outputs["early_logits"], labels)
    return loss


def train(
    model: nn.Module,
    batches: Sequence[Batch],
    *,
    epochs: int,
    optimizer: torch.optim.Optimizer,
    seed: int = 0,
) -> nn.Module:
    """Epochs over batches in a new order each time, the rate falling as a cosine; the model."""
    generator = torch.Generator().manual_seed(seed)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(batches))
    model.train()
    for _ in range(epochs):
        for number in torch.randperm(len(batches), generator=generator).tolist():
            optimizer.zero_grad()
            loss_of(model, batches[number]).backward()
            optimizer.step()
            schedule.step()
    return model


def sgd(model: nn.Module, rate: Number, decay: Number) -> torch.optim.Optimizer:
    """Gradient descent with momentum 0.9."""
    return torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, weight_decay=decay)


def adam(model: nn.Module, rate: Number, decay: Number = 1e-2) -> torch.optim.Optimizer:
    """AdamW."""
    return torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=decay)
