"""Runs recorded layer by layer: the table, the law, the frames for the player, the file."""

from __future__ import annotations

import base64

import numpy as np
import pandas as pd
import pytest
import torch

import nclib
from nclib.formulas.statistics import ClassStatistics
from nclib.measuring.layers.layer_samples import features_by_layer
from nclib.runs import layer_geometry, layer_recording
from nclib.runs.layer_geometry import SPLITS
from nclib.runs.layer_recording import layer_names, record_layer_run, record_layers
from nclib.runs.layer_runs import PLACE, QUANTITIES, LayerRun, load_layer_run

SETTINGS = {"epochs": 3, "learning_rate": 0.1, "weight_decay": 1e-3, "progress": False}


def small_mlp(data, **options):
    return nclib.build_network("mlp", data, width=24, num_features=20, depth=2, **options)


@pytest.fixture(scope="module")
def data():
    return nclib.load_data("digits", per_class=40)


@pytest.fixture(scope="module")
def trained(data):
    """A network and what was recorded of it."""
    network = small_mlp(data)
    return network, record_layers(network, data, **SETTINGS, measure_at=[1], per_class=5)


@pytest.fixture(scope="module")
def run(trained):
    return trained[1]


def decoded(payload, name, dtype):
    return np.frombuffer(base64.b64decode(payload[name]), dtype)


def means_of(payload):
    shape = (len(payload["epochs"]), payload["num_classes"], payload["dims"])
    return decoded(payload, "means", "<f4").reshape(shape).astype(float)


def features_of(payload):
    """(L, S, k) as the player draws them."""
    steps = decoded(payload, "features", "<i2").reshape(len(payload["epochs"]), -1, payload["dims"])
    return steps * np.array(payload["feature_scale"])[:, None, None]


def test_a_row_for_each_epoch_split_and_layer(run):
    assert run.epochs == (0, 1, 3)
    assert run.layers == ("input", "layer 1", "layer 2")
    assert run.table.columns.tolist() == [*PLACE, *QUANTITIES]
    places = run.table[PLACE].itertuples(index=False)
    assert [tuple(row) for row in places] == [
        (epoch, split, index, name)
        for epoch in (0, 1, 3)
        for split in SPLITS
        for index, name in enumerate(run.layers)
    ]
    assert "mlp" in repr(run)
    assert "3 layers, 3 epochs" in repr(run)


def test_the_last_rows_are_what_measure_says(trained, data):
    network, run = trained
    report = nclib.measure(network, data, layers=True, progress=False)
    for split in SPLITS:
        rows = [row for row in report.layers if row["split"] == split]
        at = run.at(split=split)
        for name in set(QUANTITIES) - {"accuracy", "shuffled"}:
            assert at[name].tolist() == [row[name] for row in rows]
        assert set(at.accuracy) == {report.numbers[split]["accuracy"]}
    assert run.at(split="train").shuffled.notna().all()
    assert run.at(split="test").shuffled.isna().all()


def test_measuring_changes_nothing_in_the_training(trained, data):
    other = small_mlp(data)
    for _ in nclib.train(other, data, **SETTINGS, measure_at=[]):
        pass
    ours, theirs = trained[0].state_dict(), other.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_values_and_the_law(run):
    values = run.values()
    assert values.shape == (3, 3)
    assert values[1].tolist() == run.at(1).nc1.tolist()
    assert run.values("cdnv", "test")[2].tolist() == run.at(3, "test").cdnv.tolist()
    assert run.law() == nclib.law.log_linear(values[-1])
    assert run.law(0) == run.law(0, "train") == nclib.law.log_linear(values[0])
    with pytest.raises(ValueError, match="a line needs at least three layers"):
        run.law(hidden=True)  # two hidden layers


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda run: run.values("nc2"), "quantity is 'nc2'; take one of nc1, quotient"),
        (lambda run: run.values(split="ood"), "split is 'ood'; take train or test"),
        (lambda run: run.at(split="ood"), "split is 'ood'; take train or test"),
        (lambda run: run.at(2), "epoch 2 was not measured; measured are 0, 1, 3"),
        (lambda run: run.law(-2), "epoch -2 was not measured"),
        (lambda run: run.payload(epoch=2), "epoch 2 keeps no samples; those that do are 0, 1, 3"),
        (lambda run: run.payload("ood"), "split is 'ood'"),
        (lambda run: run.frames("ood"), "split is 'ood'"),
        (lambda run: run.frames(epoch=2), "epoch 2 keeps no samples"),
        (lambda _: load_layer_run("layers-vit"), "no layer run is called 'layers-vit'; there are"),
        (lambda run: run.save("nowhere/run.npz"), "folder nowhere does not exist"),
    ],
)
def test_refused(run, ask, said):
    with pytest.raises(ValueError, match=said):
        ask(run)


# Frames for the player


@pytest.fixture(scope="module")
def payloads(run):
    return {split: run.payload(split) for split in SPLITS}


def test_a_frame_for_each_layer(payloads, run):
    for split, one in payloads.items():
        assert one["kind"] == "layers"
        assert one["epochs"] == [0, 1, 2]
        assert one["moments"] == list(run.layers)
        assert one["title"] == f"digits · mlp · cross-entropy · epoch 3 · {split}"
        assert one["weights"] is None
        assert one["dims"] == 9
        columns = {column for panel in one["panels"] for column in panel["columns"]}
        columns |= {part["column"] for part in one["readout"]}
        assert columns <= one["metrics"].keys()
        assert one["metrics"]["nc1"] == pytest.approx(run.at(3, split).nc1.tolist(), rel=1e-5)


def test_class_means_are_those_of_training_and_of_unit_size(payloads):
    assert np.array_equal(means_of(payloads["train"]), means_of(payloads["test"]))
    means = means_of(payloads["train"])
    assert means.sum(1) == pytest.approx(0, abs=1e-5)
    assert np.square(means).sum((1, 2)) == pytest.approx(means.shape[1], rel=1e-5)


def whole(network, data, split, layer):
    """All features of a layer, in float64, and their labels."""
    of = getattr(data, split)
    found = features_by_layer(network, (of.images, of.labels), [layer])[layer]
    return found.double(), of.labels


@pytest.mark.parametrize("split", SPLITS)
def test_angles_and_sizes_are_those_of_the_whole_features(trained, data, payloads, split):
    """The Gram matrix of class means is kept, and each sample's products with them."""
    network, run = trained
    for index, layer in enumerate(run.settings["layers"]):
        features, labels = whole(network, data, "train", layer)
        stats = ClassStatistics.from_features(features, labels)
        centred = stats.centred_means
        size = centred.norm() / data.num_classes**0.5
        drawn = torch.as_tensor(means_of(payloads[split])[index])
        assert torch.allclose(drawn @ drawn.T, centred @ centred.T / size**2, atol=1e-4)
        features, labels = whole(network, data, split, layer)
        kept = torch.cat([(labels == c).nonzero().flatten()[:5] for c in range(10)])
        assert decoded(payloads[split], "labels", "<u2").tolist() == labels[kept].tolist()
        sampled = features[kept] - stats.global_mean
        drawn_samples = torch.as_tensor(features_of(payloads[split])[index])
        expected = sampled @ centred.T / size**2
        assert torch.allclose(drawn_samples @ drawn.T, expected, atol=1e-3)


def test_layers_are_turned_towards_the_last_of_the_last_epoch(run):
    last = means_of(run.payload())[-1]
    for epoch in run.geometry_epochs:
        frames = means_of(run.payload(epoch=epoch))
        end = frames[-1].T @ last
        for one in frames:
            product = one.T @ frames[-1]  # nearest: the product is symmetric and has no negatives
            assert np.allclose(product, product.T, atol=1e-4)
            assert np.linalg.eigvalsh(product).min() > -1e-4
        assert np.allclose(end, end.T, atol=1e-4)
        assert np.linalg.eigvalsh(end).min() > -1e-4


def test_the_note_says_how_much_of_the_scatter_is_shown(trained, data, payloads):
    network, run = trained
    for split in SPLITS:
        told = []
        for layer in (run.settings["layers"][0], run.settings["layers"][-1]):
            features, labels = whole(network, data, "train", layer)
            stats = ClassStatistics.from_features(features, labels)
            axes = torch.linalg.svd(stats.centred_means).Vh[:9]
            features, labels = whole(network, data, split, layer)
            residuals = features - stats.class_means[labels]
            told.append(float((residuals @ axes.T).square().sum() / residuals.square().sum()))
        first, last = (f"{100 * share:.0f} %" for share in told)
        assert f"holds {first} at input and {last} at layer 2." in payloads[split]["note"]
        assert "what lies outside is not seen" in payloads[split]["note"]


def test_a_layer_with_fewer_axes_than_classes_is_drawn_in_those_it_has(data):
    network = nclib.build_network("convnet", data, width=2)
    run = record_layers(network, data, **SETTINGS | {"epochs": 1}, per_class=2)
    assert run.layers == ("input", "conv 1", "conv 2", "conv 3", "conv 4", "conv 5")
    means = means_of(run.payload())
    ranks = [np.linalg.matrix_rank(one, tol=1e-4) for one in means]
    assert ranks[:3] == [1, 2, 4]  # one mean pixel, two channels, four
    assert run.payload()["status"] == ["ok"] * 6


def test_class_means_that_coincide_are_drawn_as_nothing():
    assert not layer_geometry.span(torch.zeros(3, 5), 2).any()
    assert layer_geometry.shown_share(torch.zeros(4, 3), torch.eye(3)) == 1


def test_the_player_shows_train_beside_test(run):
    player = run.player()
    assert player.title == f"{run.payload()['title']} | {run.payload('test')['title']}"
    assert player.epochs == (0, 1, 2)
    assert run.frames("test", 1).payload() == run.payload("test", 1)


# Names, the file, configurations


def test_names_of_layers_say_what_makes_them(data):
    network = nclib.build_network("resnet18", data, width=2)
    report = nclib.measure(network, data, layers=True, progress=False)
    names = layer_names(network, layer_recording.units_of(report))
    assert names == ("input", "conv 1", *(f"block {n}" for n in range(1, 9)))


def test_layers_by_name_keep_their_names(data):
    options = SETTINGS | {"epochs": 0, "layers": ["features.1", "in:classifier"]}
    run = record_layers(small_mlp(data), data, **options)
    assert run.layers == ("features.1", "in:classifier")
    assert run.epochs == (0,)


def test_a_file_keeps_it_all(run, tmp_path):
    again = LayerRun.load(run.save(tmp_path / "run.npz"))
    assert again.settings == run.settings
    assert again.layers == run.layers
    pd.testing.assert_frame_equal(again.table, run.table, rtol=1e-6)
    assert again.geometry_epochs == run.geometry_epochs
    for split in SPLITS:
        assert np.array_equal(again.labels[split], run.labels[split])
        for epoch in run.geometry_epochs:
            ours, theirs = (features_of(one.payload(split, epoch)) for one in (run, again))
            assert np.allclose(ours, theirs, atol=np.abs(ours).max() / 100)
            assert run.payload(split, epoch)["note"] == again.payload(split, epoch)["note"]


def test_a_file_that_is_none(run, tmp_path):
    path = tmp_path / "run.npz"
    with pytest.raises(FileNotFoundError, match="does not exist"):
        LayerRun.load(path)
    run.save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match="is no layer run of nclib, or is damaged"):
        LayerRun.load(path)
    np.savez(path, header=np.array('{"format": "another", "version": 1}'))
    with pytest.raises(ValueError, match=r"is no layer run of nclib; give a file written by"):
        LayerRun.load(path)


@pytest.mark.parametrize("name", ["values", "means", "train_samples", "test_shown", "epochs"])
def test_a_file_whose_parts_do_not_fit(run, tmp_path, name):
    path = run.save(tmp_path / "run.npz")
    arrays = dict(np.load(path))
    np.savez(path, **(arrays | {name: arrays[name][:-1]}))
    with pytest.raises(ValueError, match="is damaged: its parts do not fit together"):
        LayerRun.load(path)


@pytest.mark.parametrize("header", ["[1]", '{"format": "nclib-layer-run", "version": 1}'])
def test_a_file_with_another_header(run, tmp_path, header):
    path = run.save(tmp_path / "run.npz")
    np.savez(path, **(dict(np.load(path)) | {"header": np.array(header)}))
    with pytest.raises(ValueError, match="is damaged"):
        LayerRun.load(path)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"measure_at": 3}, "measure_at is 3; give the numbers of epochs"),
        ({"geometry_at": 3}, "geometry_at is 3; give the numbers of epochs"),
        ({"layers": []}, r"layers is \[\]; give True, or a list of names"),
        ({"per_class": 0}, "per_class is 0"),
        ({"epochs": "3"}, "epochs is '3'; give an integer"),
    ],
)
@pytest.mark.usefixtures("without_shape_checks")
def test_what_cannot_be_recorded(data, asked, said):
    with pytest.raises(ValueError, match=said):
        record_layers(small_mlp(data), data, **(SETTINGS | asked))


def test_a_function_says_which_epochs(data):
    run = record_layers(small_mlp(data), data, **SETTINGS, measure_at=lambda epoch: epoch == 2)
    assert run.epochs == (0, 2, 3)


def test_a_file_of_another_version(run, tmp_path, monkeypatch):
    monkeypatch.setattr("nclib.runs.layer_file.VERSION", 2)
    path = run.save(tmp_path / "run.npz")
    monkeypatch.undo()
    with pytest.raises(ValueError, match="has format version 2, this nclib reads version 1"):
        LayerRun.load(path)


def test_a_configuration_is_recorded(run):
    settings = SETTINGS | {"measure_at": [1], "per_class": 40}
    settings.pop("progress")
    network = {"network": "mlp", "width": 24, "num_features": 20, "depth": 2}
    made = record_layer_run({"data": "digits", **network, **settings}, progress=False)
    pd.testing.assert_frame_equal(made.table, run.table)
    assert made.settings["configuration"]["depth"] == 2
    with pytest.raises(ValueError, match="has no key 'deep'"):
        record_layer_run({"data": "digits", **network, **settings, "deep": 2})
