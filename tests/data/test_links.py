"""Links, joined archives and names that lead out: read like a folder, or a named error."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from image_files import SPLIT, add_link, as_folder, as_tar, noise, pictures, png
from PIL import Image

from nclib.data.loading import load_data

LINKS = {  # where the link stands, and what it says; the set has 5 images of each class
    "to an image beside it": ("train/cat/a.png", "0.png"),
    "to an image of the other class": ("train/cat/a.png", "../dog/0.png"),
    "to an image by a detour": ("train/cat/a.png", "../../test/../train/./dog/1.png"),
    "to a hidden store": ("train/cat/a.png", "../../.store/8f3a"),
    "to a link to an image": ("train/cat/b.png", "z.png", "train/cat/z.png", "0.png"),
    "to a folder in a hidden store": ("train/cat/more", "../../.store/cats"),
    "through a folder that is a link": (
        *("train/cat/a.png", "../../.by/cats/4.png"),
        *(".by", ".store"),
    ),
}
STORE = {f".store/cats/{n}.png": png(noise(6, 6, 3, seed=900 + n)) for n in range(5)}
STORE[".store/8f3a"] = png(noise(6, 6, 3, seed=950))


def linked_folder(place: Path, name: str, files: dict[str, bytes], links: tuple) -> Path:
    path = as_folder(place / name, files)
    for link, target in zip(links[::2], links[1::2], strict=True):
        (path / link).symlink_to(target)
    return path


def packed(path: Path, prefix: str = "") -> Path:
    """A tar of the folder, links as links, in the sorted order."""
    target = path.with_suffix(".tar")
    with tarfile.open(target, "w") as tar:
        for part in sorted(path.rglob("*")):
            tar.add(part, prefix + part.relative_to(path).as_posix(), recursive=False)
    return target


def same(one, other) -> bool:
    splits = [(one.train, other.train), (one.test, other.test)]
    pairs = [(getattr(a, what), getattr(b, what)) for a, b in splits for what in a.__annotations__]
    return one.class_names == other.class_names and all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("prefix", ["", "/data/", "../", "./"])
@pytest.mark.parametrize("name", LINKS)
def test_links_are_followed_in_a_folder_and_in_its_tar(tmp_path, name, prefix):
    path = linked_folder(tmp_path, "set", pictures(*SPLIT) | STORE, LINKS[name])
    folder, tar = (load_data(p, device="cpu") for p in (path, packed(path, prefix)))
    assert len(folder.train) > 10
    assert same(folder, tar)


def hard_linked(path: Path, pairs: list[tuple[str, str]]) -> None:
    for link, target in pairs:
        os.link(path / target, path / link)


@pytest.mark.parametrize("prefix", ["", "/data/", "../../set/", "./set/"])
@pytest.mark.parametrize(
    "pairs",
    [
        [("train/cat/again.png", "train/cat/0.png")],
        [("train/dog/again.png", "train/cat/0.png")],
        [("train/cat/a.png", "test/cat/0.png"), ("test/cat/z.png", "train/cat/0.png")],
        [("train/cat/a.png", "train/cat/0.png"), ("train/cat/b.png", "train/cat/a.png")],
        [
            (f"train/{c}/{n}again.png", f"train/{c}/{n}.png")
            for c in ("cat", "dog")
            for n in range(5)
        ],
    ],
)
def test_hard_links_are_images(tmp_path, pairs, prefix):
    path = as_folder(tmp_path / "set", pictures(*SPLIT))
    hard_linked(path, pairs)
    folder, tar = (load_data(p, device="cpu") for p in (path, packed(path, prefix)))
    assert len(folder.train) + len(folder.test) == 20 + len(pairs)
    assert same(folder, tar)


def test_links_in_a_compressed_archive_too_large_for_memory(tmp_path, monkeypatch):
    path = as_folder(tmp_path / "set", pictures(*SPLIT))
    hard_linked(path, [("train/cat/again.png", "train/cat/0.png")])
    tar = packed(path)
    zipped = tmp_path / "set.tar.gz"
    zipped.write_bytes(gzip.compress(tar.read_bytes()))
    monkeypatch.setattr("nclib.data.archive._IN_MEMORY", 1000)
    assert same(load_data(path, device="cpu"), load_data(zipped, device="cpu"))


LOOPS = {
    "to the set": ("train/cat/all", "../.."),
    "to its own folder": ("train/cat/again", "."),
    "to the folder above": ("train/cat/up", ".."),
    "two in a ring": ("train/cat/dogs", "../dog", "train/dog/cats", "../cat"),
    "a class twice": ("train/kitten", "cat"),
    "the test images are the training images": ("val", "train"),
    "through another link": ("train/cat/a", "../../.b", ".b", "train/dog"),
}


@pytest.mark.parametrize("kind", ["folder", "tar"])
@pytest.mark.parametrize("name", LOOPS)
def test_a_folder_that_is_come_by_twice_is_named(tmp_path, name, kind):
    path = linked_folder(tmp_path, "set", pictures(*SPLIT), LOOPS[name])
    given = path if kind == "folder" else packed(path)
    with pytest.raises(ValueError, match=r"are one folder by a link.*; remove the link") as failure:
        load_data(given)
    links = [link for link in LOOPS[name][::2] if not link.startswith(".")]
    assert any(link in str(failure.value) for link in links)
    for link in LOOPS[name][::2]:  # the remedy
        (path / link).unlink()
    given = path if kind == "folder" else packed(path)
    assert len(load_data(given, device="cpu").train) == 10


@pytest.mark.parametrize("target", ["..", "../dog", ".", "../../set/cat"])
def test_a_link_in_a_class_of_a_set_without_splits(tmp_path, target):
    path = linked_folder(tmp_path, "set", pictures("cat", "dog"), ("cat/all", target))
    for given in (path, packed(path, "set/")):
        with pytest.raises(ValueError, match=r"cat/all.* one folder by a link"):
            load_data(given)


LOST = {
    "an image": ("train/cat/a.png", "gone.png"),
    "itself": ("train/cat/a.png", "a.png"),
    "one another": ("train/cat/a.png", "b.png", "train/cat/b.png", "a.png"),
    "a class folder": ("train/fox", "../pool/fox"),
    "a split": ("val", "elsewhere/val"),
    "below a file": ("train/cat/a.png", "0.png/b.png"),
}


@pytest.mark.parametrize("kind", ["folder", "tar"])
@pytest.mark.parametrize("name", LOST)
def test_a_link_to_nothing_is_named(tmp_path, name, kind):
    path = linked_folder(tmp_path, "set", pictures(*SPLIT), LOST[name])
    given = path if kind == "folder" else packed(path)
    with pytest.raises(ValueError, match=f"{LOST[name][0]} is a link that leads to nothing"):
        load_data(given)


def test_a_hard_link_to_what_was_not_packed_is_named(tmp_path):
    path = as_tar(tmp_path / "set.tar", pictures(*SPLIT))
    add_link(path, "train/cat/a.png", "pool/a.png", tarfile.LNKTYPE)
    with pytest.raises(ValueError, match=r"train/cat/a\.png is a link that leads to nothing"):
        load_data(path)


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../x.png", "{outside}", "../../../set/x"])
def test_a_link_never_leads_out_of_an_archive(tmp_path, target):
    outside = as_folder(tmp_path / "outside", {"x.png": png(noise(6, 6, 3))}) / "x.png"
    links = ("train/cat/a.png", target.format(outside=outside))
    path = linked_folder(tmp_path, "set", pictures(*SPLIT), links)
    data = load_data(packed(path), device="cpu")
    assert len(data.train) == 10
    assert "1 link(s) leading out of the archive left out" in data.note


def test_members_below_a_link_are_where_they_would_be_unpacked(tmp_path):
    files, path = pictures(*SPLIT), tmp_path / "set.tar"
    extra = png(noise(6, 6, 3, seed=77))
    with tarfile.open(as_tar(path, files), "a") as tar:
        link = tarfile.TarInfo("shots")
        link.type, link.linkname = tarfile.SYMTYPE, "train/cat"
        member = tarfile.TarInfo("shots/z.png")
        member.size = len(extra)
        tar.addfile(link)
        tar.addfile(member, io.BytesIO(extra))
    with pytest.raises(ValueError, match="shots"):  # train/cat comes twice, with z.png in it
        load_data(path)


# ── Names ─────────────────────────────────────────────────────────────────────────────────────────

STARTS = ["/", "/data/", "//srv/set/", "../", "../../set/", "./../x/../set/", "C:/data/"]


@pytest.mark.parametrize("start", STARTS)
def test_names_with_a_common_start(tmp_path, start):
    files = pictures(*SPLIT)
    plain = load_data(as_tar(tmp_path / "plain.tar", files), device="cpu")
    path = as_tar(tmp_path / "set.tar", {start + name: files[name] for name in files})
    assert same(load_data(path, device="cpu"), plain)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["plain.tar", "set.tar"]


@pytest.mark.parametrize(
    ("one", "other"), [("/", "../"), ("../", "../../"), ("/a/", "../a/"), ("../../x/", "/x/")]
)
def test_names_without_a_common_start_are_refused(tmp_path, one, other):
    files = pictures(*SPLIT)
    files = {(one if "cat" in name else other) + name: files[name] for name in files}
    path = as_tar(tmp_path / "set.tar", files)
    with pytest.raises(
        ValueError, match=r"begin with .* and .*, which have no common start"
    ) as info:
        load_data(path)
    assert one.replace("x/", "").replace("a/", "") in str(info.value)


def test_names_that_lead_out_beside_plain_ones_are_left_and_it_is_said(tmp_path):
    files = pictures(*SPLIT) | {"/abs/cat/0.png": b"", "../../cat/0.png": b""}
    data = load_data(as_tar(tmp_path / "set.tar", files), device="cpu")
    assert len(data.train) == 10
    assert data.note == "tested on test/, 2 name(s) leading out of the archive left out"


# ── Joined archives ───────────────────────────────────────────────────────────────────────────────

PACK = {".tar": bytes, ".tar.gz": gzip.compress, ".tar.xz": lzma.compress}


def parts_of_a_set(place: Path, number: int) -> list[bytes]:
    files = [*pictures(*SPLIT).items()]
    return [
        as_tar(place / f"{part}.tar", dict(files[part::number])).read_bytes()
        for part in range(number)
    ]


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("number", [2, 3, 7])
@pytest.mark.parametrize("padding", [0, 512, 10_240])
def test_joined_archives_are_read_to_the_last(tmp_path, kind, number, padding):
    parts = parts_of_a_set(tmp_path, number)
    path = tmp_path / f"set{kind}"
    path.write_bytes(b"".join(PACK[kind](part + bytes(padding)) for part in parts))
    whole = as_tar(tmp_path / "whole.tar", pictures(*SPLIT))
    assert same(load_data(path, device="cpu"), load_data(whole, device="cpu"))


DAMAGE = {
    "the second is cut short": lambda a, b: a + b[: len(b) // 2],
    "the second's first header is damaged": lambda a, b: a + b"x" + b[1:],
    "something else follows": lambda a, b: a + b"an error page",
    "the join is off by a byte": lambda a, b: a + b"\0" + b,
    "the first has no end": lambda a, b: a.rstrip(b"\0") + b,
    "zipped bytes follow plain ones": lambda a, b: a + gzip.compress(b),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_join_is_refused(tmp_path, name):
    path = tmp_path / "set.tar"
    path.write_bytes(DAMAGE[name](*parts_of_a_set(tmp_path, 2)))
    with pytest.raises(ValueError, match=r"set\.tar is neither a folder nor a whole \.tar"):
        load_data(path)


def test_a_later_member_replaces_an_earlier_of_its_name(tmp_path):
    files = pictures(*SPLIT)
    newer = files | {"train/cat/0.png": png(noise(6, 6, 3, seed=5))}
    path = tmp_path / "set.tar"
    one, two = (as_tar(tmp_path / f"{n}.tar", f).read_bytes() for n, f in enumerate((files, newer)))
    path.write_bytes(one + two)
    assert same(load_data(path, device="cpu"), load_data(tmp_path / "1.tar", device="cpu"))


def test_a_zip_is_refused_with_the_remedy(tmp_path):
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in pictures(*SPLIT).items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match=r"set\.zip is neither .*; unpack other archives"):
        load_data(path)
    zipfile.ZipFile(path).extractall(tmp_path / "set")
    assert len(load_data(tmp_path / "set", device="cpu").train) == 10


# ── What is no image, or too large ────────────────────────────────────────────────────────────────


def too_many_pixels(width: int, height: int, kind: str = "png") -> bytes:
    buffer = io.BytesIO()
    Image.new("1", (width, height)).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["folder", "tar"])
@pytest.mark.parametrize(
    "content",
    [
        too_many_pixels(14_000, 14_000),
        too_many_pixels(200_000, 1_000, "tiff"),
        b"BM"
        + bytes(12)
        + (40).to_bytes(4, "little")
        + 2 * (60_000).to_bytes(4, "little")
        + bytes(28),
        b"P5 99999 99999 255\n",
        b"",
        b"<html>404</html>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 6 6\n%%EndComments\nshowpage\n",
    ],
    ids=["png", "tiff", "bmp", "pgm", "empty", "page", "a program"],
)
def test_what_cannot_be_read_is_named(tmp_path, kind, content):
    files = pictures(*SPLIT) | {"test/dog/scan.png": content}
    path = (as_tar if kind == "tar" else as_folder)(tmp_path / f"set.{kind}", files)
    with pytest.raises(ValueError, match=r"test/dog/scan\.png cannot be read as an image"):
        load_data(path, image_size=6)


def test_a_large_image_that_can_be_read_says_nothing(tmp_path, monkeypatch, recwarn):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)
    files = pictures(*SPLIT) | {"test/dog/scan.png": png(noise(7, 7, 3))}
    assert len(load_data(as_folder(tmp_path, files), image_size=6, device="cpu").test) == 11
    assert not recwarn.list


def test_pipes_are_left(tmp_path):
    path = as_folder(tmp_path, pictures(*SPLIT))
    os.mkfifo(path / "train" / "cat" / "pipe.png")
    assert len(load_data(path, device="cpu").train) == 10


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
@pytest.mark.parametrize("place", ["train/cat", "train/cat/0.png"])
def test_what_may_not_be_read_is_named(tmp_path, place):
    path = as_folder(tmp_path, pictures(*SPLIT))
    (path / place).chmod(0)
    try:
        with pytest.raises(ValueError, match=r"cannot be read .*Permission denied"):
            load_data(path)
    finally:
        (path / place).chmod(0o755)


def test_a_link_out_of_a_folder_is_followed_as_its_owner_put_it_there(tmp_path):
    pool = as_folder(tmp_path / "pool", pictures("cat", "dog"))
    path = tmp_path / "set"
    path.mkdir()
    for name in ("cat", "dog"):
        (path / name).symlink_to(pool / name)
    data = load_data(path, device="cpu")
    assert np.array_equal(data.train.counts, [4, 4])
