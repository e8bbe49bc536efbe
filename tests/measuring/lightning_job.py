"""A Lightning module; as a script, two processes train it, and one measures it again."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import nclib
from nclib.measuring.callbacks import CollapseCallback

# isort: split
from lightning import Callback, LightningModule, Trainer

QUIET = {"accelerator": "cpu", "enable_progress_bar": False, "enable_model_summary": False}


class Module(LightningModule):
    def __init__(self, network):
        super().__init__()
        self.network = network
        self.modes = []

    def forward(self, inputs):
        return self.network(inputs)

    def training_step(self, batch, _):
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def on_train_epoch_end(self):  # called after the callbacks
        self.modes.append(all(module.training for module in self.modules()))


def write(report, name):
    numbers = {"numbers": report.numbers["train"], **report.taken}
    Path(f"{name}.json").write_text(json.dumps(numbers))


class Writing(Callback):
    def on_train_epoch_end(self, trainer, pl_module):
        (measuring,) = (one for one in trainer.callbacks if isinstance(one, CollapseCallback))
        write(measuring.report, trainer.global_rank)


def main():
    from test_callbacks import network, samples

    inputs, labels = samples()
    data = TensorDataset(inputs[:-1].double(), labels[:-1])
    loader = DataLoader(data, batch_size=16, shuffle=True)
    module = Module(network().double())
    two = {"devices": 2, "strategy": "ddp_spawn", "logger": False, "enable_checkpointing": False}
    Trainer(max_epochs=2, callbacks=[CollapseCallback(), Writing()], **two, **QUIET).fit(
        module, loader
    )
    write(nclib.measure(module, loader), "x")


if __name__ == "__main__":
    main()
