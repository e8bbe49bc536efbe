"""A script for torchrun: its processes train with the Trainer, and one measures it again."""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch
from test_callbacks import Classifier, samples
from torch.utils.data import Dataset

import nclib
from nclib.measuring.callbacks import CollapseTrainerCallback

# isort: split
from transformers import Trainer, TrainingArguments


class Rows(Dataset):
    def __init__(self):
        self.inputs, self.labels = (x[:-1] for x in samples())
        self.inputs = self.inputs.double()

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return {"pixel_values": self.inputs[index], "labels": self.labels[index]}


def write(report, name):
    numbers = {"numbers": report.numbers["train"], **report.taken}
    Path(f"{name}.json").write_text(json.dumps(numbers))


def main():
    data = Rows()
    quiet = {"use_cpu": True, "disable_tqdm": True, "report_to": "none", "save_strategy": "no"}
    settings = TrainingArguments("trained", num_train_epochs=2, **quiet)
    trainer = Trainer(Classifier().double(), settings, train_dataset=data)
    callback = CollapseTrainerCallback(trainer)
    trainer.add_callback(callback)
    trainer.train()
    rank = os.environ["RANK"]
    write(callback.report, rank)
    torch.distributed.destroy_process_group()
    if rank == "0":
        write(nclib.measure(trainer.model, (data.inputs, data.labels)), "x")


if __name__ == "__main__":
    main()
