"""Trajectories: what is recorded, in which axes, and how it is kept."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
import torch

import nclib
from nclib import ClassStatistics, Trajectory
from nclib.measuring.evaluator import Snapshot
from nclib.runs.epoch import Epoch
from nclib.runs.payload import spanning_basis
from nclib.runs.presets import measured_epochs


@pytest.fixture(scope="module")
def epochs():
    data = nclib.load_data("digits")
    network = nclib.build_network("mlp", data, width=32, num_features=24)
    settings = {"epochs": 12, "learning_rate": 0.1, "weight_decay": 1e-2, "progress": False}
    return list(nclib.train(network, data, measure_at=[0, 1, 3, 6], **settings))


@pytest.fixture(scope="module")
def run(epochs):
    return Trajectory.of(epochs)


def made_up(number, *, num_features=64, num_classes=10, per_class=60, nan=False):
    """A measured epoch of noise: the worst case for compression."""
    generator = torch.Generator().manual_seed(number)
    labels = torch.arange(num_classes).repeat_interleave(per_class)
    features = torch.randn(len(labels), num_features, generator=generator)
    stats = ClassStatistics.from_features(features, labels)
    weight = torch.randn(num_classes, num_features, generator=generator)
    metrics = nclib.collapse_metrics(stats, weight, features=features, labels=labels)
    if nan:
        metrics = metrics.__class__(**metrics.as_dict() | {"nc1": float("nan")})
    means, snr = stats.class_means.float(), nclib.snr_singular_values(stats)
    kept = Snapshot(means, weight, weight[:, 0].clone(), features, labels, snr)
    names = [str(c) for c in range(num_classes)]
    settings = {"data": "noise", "network": "none", "loss": "none", "class_names": names}
    return Epoch(number, 1.0, 0.5, 0.5, metrics, float(number), kept, settings)


def same(a, b, tolerance=0.0):
    one, two = a.coordinates(), b.coordinates()
    for name in ("features", "class_means", "weight", "captured"):
        largest = np.abs(getattr(one, name)).max()
        assert np.allclose(getattr(one, name), getattr(two, name), atol=tolerance * largest), name


# Recording


def test_measured_epochs_are_kept_and_others_passed_over(run):
    assert run.epochs.tolist() == [0, 1, 3, 6, 12]
    assert len(run) == 5
    assert "digits · mlp · cross-entropy" in repr(run)
    assert run.num_features == 24
    assert run.class_names == tuple("0123456789")


def test_the_table_is_tidy(run, epochs):
    table = run.metrics
    assert list(table.columns[:5]) == [
        *("epoch", "loss", "train_accuracy", "test_accuracy", "seconds")
    ]
    metrics, terms = (list(kept.as_dict()) for kept in (epochs[0].metrics, epochs[0].decomposition))
    assert list(table.columns[5:]) == [
        *metrics,
        *(f"test_{name}" for name in metrics),
        *(f"mse_{name}" for name in terms),
    ]
    measured = [e for e in epochs if e.metrics]
    assert len(table) == len(measured) == 5
    assert table.nc1.tolist() == [e.metrics.nc1 for e in measured]
    assert table.test_nc1.tolist() == [e.test_metrics.nc1 for e in measured]
    assert table.test_ncc_mismatch.tolist() == [e.test_metrics.ncc_mismatch for e in measured]
    assert table.mse_nc23.tolist() == [e.decomposition.nc23 for e in measured]
    assert table.epoch.dtype == table["rank"].dtype == int


def test_what_was_not_measured_is_undefined(tmp_path):
    """``made_up`` has neither a test set nor the loss terms."""
    run = Trajectory.of([made_up(0), made_up(3)])
    for table in (run.metrics, Trajectory.load(run.save(tmp_path / "run.npz")).metrics):
        missing = [c for c in table if c.startswith(("test_", "mse_")) and c != "test_accuracy"]
        assert len(missing) == 15
        assert table[missing].isna().to_numpy().all()
        assert table.drop(columns=missing).notna().to_numpy().all()


def test_signal_to_noise_is_kept(run, epochs, tmp_path):
    measured = [e.snapshot.snr.numpy() for e in epochs if e.metrics]
    assert run.snr.shape == (5, 9)
    assert np.array_equal(run.snr, np.stack(measured))
    assert np.array_equal(Trajectory.load(run.save(tmp_path / "run.npz")).snr, run.snr)
    assert (np.diff(run.snr) <= 0).all()


def test_zero_error_and_summary(run):
    assert run.zero_error_epoch is None or run.zero_error_epoch in run.epochs
    assert run.summary().columns[0] == "before (epoch 0)"
    assert run.summary().columns[-1] == "end (epoch 12)"
    assert run.summary().loc["nc1"].iloc[0] == run.metrics.nc1.iloc[0]
    metrics = [f.name for f in fields(nclib.CollapseMetrics)]
    assert list(run.summary().index) == ["loss", "train_accuracy", "test_accuracy", *metrics]


@pytest.mark.parametrize(
    ("accuracies", "terminal", "zero"),
    [
        ([0.5, 0.9989, 0.9991, 1.0], 4, 6),
        ([0.5, 0.999, 0.99, 1.0], 2, 6),  # the first, though it went below again
        ([0.5, 0.6, 0.7, 0.8], None, None),
        ([1.0, 1.0, 1.0, 1.0], 0, 0),
    ],
)
def test_when_the_terminal_phase_begins(accuracies, terminal, zero):
    epochs = [replace(made_up(2 * i), train_accuracy=a) for i, a in enumerate(accuracies)]
    run = Trajectory.of(epochs)
    assert (run.terminal_epoch, run.zero_error_epoch) == (terminal, zero)


def test_epochs_must_come_in_order(epochs):
    trajectory = Trajectory.of(epochs)
    with pytest.raises(ValueError, match=r"epoch 0 comes after epoch 12.*trajectory of its own"):
        trajectory.record(epochs[0])


def test_nothing_recorded():
    with pytest.raises(ValueError, match="nothing was recorded yet"):
        Trajectory().coordinates()
    assert "empty" in repr(Trajectory())


# Axes


def test_axes_are_orthonormal_and_hold_the_whole_last_epoch(run, epochs):
    last = epochs[-1].snapshot
    means, weight = last.class_means.numpy(), last.weight.numpy()
    basis = spanning_basis(means, weight)
    assert basis.shape == (24, 19)
    assert np.allclose(basis.T @ basis, np.eye(19), atol=1e-5)
    points = run.coordinates()
    for rows, kept in ((means, points.class_means[-1]), (weight, points.weight[-1])):
        rows, kept = rows - rows.mean(0), kept - kept.mean(0)
        assert np.allclose(kept @ kept.T, rows @ rows.T, rtol=1e-3, atol=1e-4)
    centred = points.class_means[-1] - points.class_means[-1].mean(0)
    assert np.abs(centred[:, 9:]).max() < 1e-4 * np.abs(centred).max()
    axes = np.linalg.norm(centred[:, :9], axis=0)
    assert np.allclose(axes, np.linalg.svd(means - means.mean(0))[1][:9], rtol=1e-3)
    assert np.all((points.captured >= 0) & (points.captured <= 1))
    assert points.captured[-1] == pytest.approx(1, abs=1e-6)


def test_decisions_of_the_last_epoch_survive(run, epochs):
    last, points = epochs[-1].snapshot, run.coordinates()
    whole = last.features.numpy() @ last.weight.numpy().T + last.bias.numpy()
    kept = points.features[-1] @ points.weight[-1].T + run.bias[-1]
    assert np.allclose(kept, whole, atol=1e-3)


@pytest.mark.parametrize("num_features", [1, 2, 9, 30])
def test_any_number_of_features(num_features):
    points = Trajectory.of([made_up(0, num_features=num_features)]).coordinates()
    assert points.features.shape == (1, 600, min(num_features, 19))


# Keeping


def test_saved_and_loaded(run, tmp_path):
    loaded = Trajectory.load(run.save(tmp_path / "run.npz"))
    pd.testing.assert_frame_equal(loaded.metrics, run.metrics, check_exact=True, check_dtype=False)
    assert loaded.settings == run.settings
    assert loaded.labels.tolist() == run.labels.tolist()
    assert loaded.num_features == 24
    assert np.array_equal(loaded.bias, run.bias)
    same(run, loaded, 1e-3)
    again = Trajectory.load(loaded.save(tmp_path / "again.npz"))
    same(loaded, again, 1e-6)
    with pytest.raises(ValueError, match="loaded from a file"):
        loaded.record(made_up(20))


def test_an_undefined_number_stays_undefined(tmp_path):
    loaded = Trajectory.load(Trajectory.of([made_up(0, nan=True)]).save(tmp_path / "run.npz"))
    assert math.isnan(loaded.metrics.nc1.iloc[0])


@pytest.mark.parametrize("num_features", [64, pytest.param(512, marks=pytest.mark.slow)])
def test_fifty_epochs_fit_into_a_megabyte_and_a_half(num_features, tmp_path):
    trajectory = Trajectory.of(made_up(e, num_features=num_features) for e in range(50))
    path = trajectory.save(tmp_path / "run.npz")
    assert path.stat().st_size < 1.5e6
    with np.load(path, allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file)


def test_a_file_that_is_not_ours(tmp_path):
    with pytest.raises(FileNotFoundError):
        Trajectory.load(tmp_path / "missing.npz")
    other = tmp_path / "other.npz"
    np.savez(other, weights=np.zeros(3))
    text, array = tmp_path / "text.npz", tmp_path / "array.npz"
    text.write_text("not a run")
    with array.open("wb") as file:
        np.save(file, np.zeros(3))
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, header=np.array({"format": "nclib-trajectory"}, dtype=object))
    for path in (other, text, array, pickled):
        with pytest.raises(ValueError, match="not a trajectory of nclib"):
            Trajectory.load(path)


def test_a_file_cut_short_anywhere(run, tmp_path):
    whole = run.save(tmp_path / "run.npz").read_bytes()
    cut = tmp_path / "cut.npz"
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 30, len(whole) - 1):
        cut.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"cut\.npz"):
            Trajectory.load(cut)


def test_a_file_with_a_flipped_bit_or_a_missing_array(run, tmp_path):
    path = run.save(tmp_path / "run.npz")
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="truncated or damaged"):
        Trajectory.load(path)
    with np.load(run.save(path)) as file:
        arrays = {name: file[name] for name in file if name != "scale"}
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match="is damaged"):
        Trajectory.load(path)


@pytest.mark.parametrize(
    ("version", "said"),
    [
        (99, r"version 99, made by a newer nclib; this one reads version \d+: update nclib"),
        (1, r"version 1, made by an older nclib; this one reads version \d+: record the run again"),
    ],
)
def test_a_file_of_another_version(run, tmp_path, version, said):
    path = run.save(tmp_path / "run.npz")
    with np.load(path) as file:
        arrays = dict(file)
    if version == 1:
        del arrays["snr"]  # which it did not have
    header = json.loads(str(arrays["header"])) | {"version": version}
    np.savez(path, **arrays | {"header": np.array(json.dumps(header))})
    with pytest.raises(ValueError, match=said):
        Trajectory.load(path)


def test_measured_epochs_are_few_enough_to_keep():
    assert len(measured_epochs(350)) <= 50
