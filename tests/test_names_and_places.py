"""Names and places from the world: shown as they are, written where they lead, or a clear error."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path

import pytest
from made import collapsing_run

import nclib
from nclib.files import atomic_write, remove_unfinished
from nclib.pictures.comparisons import accuracy_after_zero_error, small_multiples
from nclib.pictures.panels import cosine_matrices
from nclib.pictures.picture import label
from nclib.pictures.plane import feature_plane
from nclib.runs.checkpoint import Checkpoint, CheckpointError
from nclib.runs.tables import Table
from nclib.texts import readable

NAMES = {
    "two prices": ("US$5-US$9", "US$10-US$19", "other"),
    "half a formula": (r"$\frac{1$", "b", "c"),
    "a whole formula": (r"$\alpha$", r"a\$b$c", "^_{}"),
    "blank and empty": (" ", "", "\u3000"),
    "numbers": (0, 1.5, -2),
    "very long": ("x" * 300, "y z " * 100, "c"),
    "not to be printed": ("a\nb", "nul\x00", "\x1b[31m"),
    "not UTF-8": ("caf\udce9", "\udcff", "c"),
    "markup": ("<b>", "</script>", "&amp;"),
    "a leading underscore": ("_nolegend_", "_", "%s {0}"),
}
EACH = pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)


pytestmark = pytest.mark.usefixtures("without_shape_checks")


def run_of(names, **options):
    return collapsing_run(3, 2, 10, 3, names=names, **options)


def shown(text):
    """What matplotlib draws, if it is no mathematics."""
    plain, mathematics = text._preprocess_math(text.get_text())
    assert not mathematics, text.get_text()
    return plain


def begins(drawn, name):
    return readable(name).startswith(drawn.rstrip("…"))


# Class names


@EACH
def test_class_names_in_figures(names):
    run = run_of(names)
    plane = feature_plane(run)
    drawn = [shown(text) for text in plane.axes[0].texts][: len(names)]
    heat = cosine_matrices(run)
    ticks = [shown(text) for text in heat.axes[0].get_yticklabels()]
    for found in (drawn, ticks):
        assert all(map(begins, found, names)), found
        assert all(one.strip() and len(one) <= 20 for one in found)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert plane.png() and heat.png()


@EACH
def test_class_names_in_moving_pictures(names, tmp_path):
    run = run_of(names)
    path = nclib.save_gif(run, tmp_path / "run.gif", seconds=0.2, width=200)
    assert path.read_bytes().startswith(b"GIF89a")


@EACH
def test_class_names_in_the_player_and_in_a_file(names, tmp_path):
    run = run_of(names)
    player = run.player()
    assert player.payload["runs"][0]["class_names"] == [readable(name) for name in names]
    assert player.save_html(tmp_path / "run.html").read_text(encoding="utf-8")
    again = nclib.Trajectory.load(run.save(tmp_path / "run.npz"))
    assert again.class_names == run.class_names == tuple(map(str, names))


@EACH
def test_the_same_names_for_data(names, tmp_path):
    runs = [collapsing_run(3, 4, 20, 4) for _ in names]
    for run, name in zip(runs, names, strict=True):
        run.settings["data"] = name
        assert run.title.startswith(readable(name).replace("_", "-"))
        assert run.to_html(tmp_path / "run.html").stat().st_size > 1000
        assert repr(run).encode()
    for figure in (small_multiples(runs), accuracy_after_zero_error(runs)):
        texts = [axis._left_title for axis in figure.axes]
        texts += [tick for axis in figure.axes for tick in axis.get_yticklabels()]
        drawn = " ".join(shown(text) for text in texts if "$\\mathdefault" not in text.get_text())
        for name in names:
            assert readable(name)[:30].replace("_", " ") in drawn.replace("_", " ")
        assert figure.png()


def test_a_plain_name_stays_as_it_is():
    for name in ("cat", "T-shirt/top", "日本", "naïve", "3", "a b"):
        assert readable(name) == name == label(name)
    assert readable(readable("\n \udce9")) == readable("\n \udce9")


@pytest.mark.parametrize(
    "names", [one for one in NAMES.values() if any("$" in str(n) for n in one)]
)
def test_dollars_in_tables(names):
    table = Table({"class": names})
    for one in (table, table.head(2), table[table["class"] != "other"]):
        assert "tex2jax_ignore" in one._repr_html_()
        assert one.to_string().count("$") == sum(str(n).count("$") for n in one["class"])
    sweep = nclib.sweep([])
    assert isinstance(sweep.table, Table)


# Where things are written

WRITERS = {
    "run.npz": lambda run, path: run.save(path),
    "run.html": lambda run, path: run.to_html(path),
    "player.html": lambda run, path: run.player().save_html(path),
    "run.gif": lambda run, path: nclib.save_gif(run, path, seconds=0.2, width=200),
    "run.checkpoint": lambda run, path: Checkpoint(path).save({"epochs": [{"number": 1}]}),
}
EACH_FILE = pytest.mark.parametrize("name", WRITERS)


def write(name, path):
    WRITERS[name](run_of(None), path)


def remedy(said):
    """Do what the error says."""
    (code,) = re.findall(r"Path\('.*?'\)\.mkdir\(parents=True\)", said)
    eval(code, {"Path": Path})


@EACH_FILE
def test_a_folder_that_is_missing_is_named_and_the_remedy_works(name, tmp_path):
    path = tmp_path / "results" / "of today" / name
    with pytest.raises(ValueError, match="does not exist; create it") as caught:
        write(name, path)
    assert f"folder {path.parent} does not exist" in str(caught.value)
    assert ".part" not in str(caught.value)
    remedy(str(caught.value))
    write(name, path)
    assert path.stat().st_size
    assert [*path.parent.iterdir()] == [path]


@EACH_FILE
@pytest.mark.parametrize("kind", ["folder", "link to a folder", "file for a folder", "circle"])
def test_no_place_for_a_file(name, kind, tmp_path):
    path = tmp_path / name
    if kind == "folder":
        path.mkdir()
    elif kind == "link to a folder":
        path.symlink_to(tmp_path)
    elif kind == "circle":
        path.symlink_to(tmp_path / "other")
        (tmp_path / "other").symlink_to(path)
    else:
        path.touch()
        path = path / name
    said = {"file for a folder": "is a file; give a path in a folder", "circle": "leads to itself"}
    with pytest.raises(
        ValueError, match=said.get(kind, "is a folder; give a file in it")
    ) as caught:
        write(name, path)
    assert ".part" not in str(caught.value)
    assert not [*tmp_path.glob("*.part")]


@EACH_FILE
@pytest.mark.parametrize("kind", ["file", "dangling", "chain", "relative", "folder on the way"])
def test_a_link_stays_and_what_it_points_to_is_replaced(name, kind, tmp_path):
    disk, here = tmp_path / "disk", tmp_path / "here"
    disk.mkdir(), here.mkdir()
    target, path = disk / "kept", here / name
    if kind != "dangling":
        target.write_bytes(b"old")
    if kind == "chain":
        (here / "next").symlink_to(target)
        path.symlink_to(here / "next")
    elif kind == "folder on the way":
        (here / "mounted").symlink_to(disk)
        path.symlink_to(here / "mounted" / "kept")
    else:
        path.symlink_to("../disk/kept" if kind == "relative" else target)
    links = {p: p.readlink() for p in here.iterdir()}
    write(name, path)
    assert {p: p.readlink() for p in here.iterdir()} == links
    assert target.stat().st_size > 10
    assert [*disk.iterdir()] == [target]


@EACH_FILE
def test_a_link_into_a_folder_that_is_missing(name, tmp_path):
    (tmp_path / name).symlink_to(tmp_path / "unmounted" / name)
    with pytest.raises(ValueError, match=r"is a link to .*unmounted does not exist") as caught:
        write(name, tmp_path / name)
    remedy(str(caught.value))
    write(name, tmp_path / name)
    assert (tmp_path / name).is_symlink()


def test_a_checkpoint_says_so_before_any_work(tmp_path):
    for path in (tmp_path / "missing" / "run.checkpoint", tmp_path):
        with pytest.raises(CheckpointError, match=r"does not exist; create it|is a folder; give"):
            Checkpoint(path).load()
    (tmp_path / "run.checkpoint").symlink_to(tmp_path / "later")
    assert Checkpoint(tmp_path / "run.checkpoint").load() is None  # a link to what is not yet


def test_what_is_no_path():
    for given in (None, 3, b"run.npz"):
        with pytest.raises(ValueError, match="give the path of a file"), atomic_write(given):
            pass


def test_a_disk_that_refuses_is_told_of_the_file_that_was_asked_for(tmp_path, monkeypatch):
    def full(*_):
        raise PermissionError(13, "Permission denied", str(part))

    path = tmp_path / "run.npz"
    monkeypatch.setattr("secrets.token_hex", lambda _: "0" * 8)
    part = tmp_path / f"run.npz.{'0' * 8}.part"
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(PermissionError) as caught, atomic_write(path) as file:
        file.write(b"1")
    assert caught.value.filename == str(path)
    assert not [*tmp_path.iterdir()]


def test_names_as_long_as_a_disk_takes_and_what_was_left_of_them(tmp_path):
    for name in ("a" * 255, "é" * 127, "[x]*.npz"):
        with atomic_write(tmp_path / name) as file:
            file.write(b"whole")
        (tmp_path / f"{os.fsdecode(os.fsencode(name)[:200])}.0a1b2c3d.part").touch()
        remove_unfinished(tmp_path / name)
        assert [p.name for p in tmp_path.iterdir()] == [name]
        (tmp_path / name).unlink()


def test_a_device_is_written_to_and_not_replaced(tmp_path):
    run_of(None).to_html("/dev/null")
    assert Path("/dev/null").is_char_device()
