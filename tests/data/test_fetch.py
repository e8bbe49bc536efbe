"""The fetcher against servers on this machine that are good, slow, broken, wrong or silent."""

from __future__ import annotations

import hashlib
import http.server
import socket
import struct
import threading
from collections import Counter
from pathlib import Path

import pytest

from nclib.data import fetch as fetching
from nclib.data.fetch import DataUnavailableError, Limits, data_root, fetch

BODY = bytes(range(256)) * 80  # 20 kB
MD5 = hashlib.md5(BODY, usedforsecurity=False).hexdigest()
SHA256 = hashlib.sha256(BODY).hexdigest()
PATIENT = Limits(timeout_s=20.0, floor=0.0)
STRICT = Limits(timeout_s=20.0, floor=1e6, window_s=0.05)  # /slow gives at most 0.1 MB/s
HASTY = Limits(timeout_s=0.5, floor=0.0)


class Handler(http.server.BaseHTTPRequestHandler):
    """The first part of the path names the behaviour."""

    def do_GET(self):
        self.server.requests.append(self.path)
        behaviour = self.path.split("/")[1]
        getattr(self, behaviour, self.missing)()

    def head(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()

    def good(self):
        self.head()
        self.wfile.write(BODY)

    def unsized(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(BODY)

    def moved(self):
        self.send_response(302)
        self.send_header("Location", "/good/set.bin")
        self.end_headers()

    def slow(self):
        self.head()
        for start in range(0, len(BODY), 1000):
            if self.server.closing.wait(0.01):
                return
            self.wfile.write(BODY[start : start + 1000])

    def stalled(self):
        self.head()
        self.wfile.write(BODY[:1000])
        self.server.closing.wait(20)

    def silent(self):
        self.server.closing.wait(20)

    def truncated(self):
        self.head()
        self.wfile.write(BODY[:-1])

    def reset(self):
        self.head()
        self.wfile.write(BODY[:1000])
        self.wfile.flush()
        linger = struct.pack("ii", 1, 0)  # close() then sends a reset
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()

    def wrong(self):
        self.head()
        self.wfile.write(BODY[::-1])

    def fails(self):
        self.send_error(500)

    def recovers(self):
        self.good() if self.server.requests.count(self.path) > 1 else self.send_error(503)

    def missing(self):
        self.send_error(404)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[str] = []
        self.closing = threading.Event()

    def handle_error(self, request, client_address):
        """A client that hangs up is part of these tests."""

    def __call__(self, behaviour: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{behaviour}/set.bin"

    def asked(self) -> list[str]:
        return [path.split("/")[1] for path in self.requests]


@pytest.fixture
def server(monkeypatch):
    for name in ("NCLIB_DATA", "NCLIB_MIRROR", "NCLIB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()


def get(root: Path, *mirrors: str, checksum: str = MD5, limits: Limits = PATIENT) -> Path:
    return fetch("Set/raw/set.bin", root, mirrors=mirrors, checksum=checksum, limits=limits)


def files(root: Path) -> list[str]:
    return [path.name for path in root.rglob("*") if path.is_file()]


@pytest.mark.parametrize("checksum", [MD5, SHA256])
@pytest.mark.parametrize("behaviour", ["good", "unsized", "moved"])
def test_a_good_mirror(server, tmp_path, behaviour, checksum):
    path = get(tmp_path, server(behaviour), checksum=checksum)
    assert path == tmp_path / "Set" / "raw" / "set.bin"
    assert path.read_bytes() == BODY
    assert files(tmp_path) == ["set.bin"]


def test_a_cached_file_needs_no_request(server, tmp_path):
    get(tmp_path, server("good"))
    assert get(tmp_path, server("good")).read_bytes() == BODY
    assert server.asked() == ["good"]


def test_a_slow_mirror_is_left_for_the_next(server, tmp_path):
    # The good one is too quick for a window to pass; were it not, round two would still end well.
    get(tmp_path, server("slow"), server("good"), limits=STRICT)
    assert server.asked()[:2] == ["slow", "good"]
    assert files(tmp_path) == ["set.bin"]


def test_a_mirror_that_is_only_slow_serves_in_the_second_round(server, tmp_path):
    assert get(tmp_path, server("slow"), limits=STRICT).read_bytes() == BODY
    assert server.asked() == ["slow", "slow"]


@pytest.mark.parametrize("behaviour", ["truncated", "reset", "fails", "missing", "wrong"])
def test_a_broken_mirror_is_left_for_the_next(server, tmp_path, behaviour):
    assert get(tmp_path, server(behaviour), server("good")).read_bytes() == BODY
    assert server.asked() == [behaviour, "good"]
    assert files(tmp_path) == ["set.bin"]


@pytest.mark.parametrize("behaviour", ["stalled", "silent"])
def test_a_stalled_mirror_is_left_for_the_next(server, tmp_path, behaviour):
    get(tmp_path, server(behaviour), server("good"), limits=HASTY)
    assert server.asked()[0] == behaviour
    assert files(tmp_path) == ["set.bin"]


@pytest.mark.parametrize(
    ("behaviour", "said", "times"),
    [
        ("truncated", f"broke off after {len(BODY) - 1} of {len(BODY)} bytes", 2),
        ("reset", "reset", 2),
        ("stalled", "timed out", 2),
        ("fails", "HTTP status 500", 2),
        ("missing", "HTTP status 404", 1),  # would not end otherwise: not asked again
        ("wrong", "delivers another file", 1),
    ],
)
def test_when_all_fail_the_error_says_why_and_nothing_is_left(
    server, tmp_path, behaviour, said, times
):
    limits = HASTY if behaviour == "stalled" else PATIENT
    with pytest.raises(DataUnavailableError, match=said) as failure:
        get(tmp_path, server(behaviour), limits=limits)
    assert files(tmp_path) == []
    assert Counter(server.asked()) == {behaviour: times}
    message = str(failure.value)
    remedies = ("root=", "NCLIB_DATA", "NCLIB_MIRROR", "digits", "set.bin", MD5)
    for remedy in (*remedies, str(tmp_path / "Set" / "raw" / "set.bin"), server(behaviour)):
        assert remedy in message


def test_a_failure_that_may_pass_is_asked_again(server, tmp_path):
    assert get(tmp_path, server("recovers")).read_bytes() == BODY


def test_a_refused_connection(tmp_path, server):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        url = f"http://127.0.0.1:{port}/set.bin"
        assert get(tmp_path, url, server("good")).read_bytes() == BODY


@pytest.mark.parametrize("url", ["nonsense", "gopher://127.0.0.1/set.bin", "http://[bad/set.bin"])
def test_an_address_that_is_none_is_a_failure_of_that_mirror(server, tmp_path, url):
    assert get(tmp_path, url, server("good")).read_bytes() == BODY


def test_offline_touches_no_network(server, tmp_path, monkeypatch):
    monkeypatch.setenv("NCLIB_OFFLINE", "1")
    with pytest.raises(DataUnavailableError, match="NCLIB_OFFLINE"):
        get(tmp_path, server("good"))
    assert server.requests == []
    assert list(tmp_path.iterdir()) == []


def test_offline_uses_the_cache(server, tmp_path, monkeypatch):
    get(tmp_path, server("good"))
    monkeypatch.setenv("NCLIB_OFFLINE", "1")
    assert get(tmp_path).read_bytes() == BODY


def test_offline_zero_means_online(server, tmp_path, monkeypatch):
    monkeypatch.setenv("NCLIB_OFFLINE", "0")
    assert get(tmp_path, server("good")).exists()


def test_the_course_mirror_is_asked_first(server, tmp_path, monkeypatch):
    monkeypatch.setenv("NCLIB_MIRROR", server("good").removesuffix("/set.bin"))
    get(tmp_path, server("wrong"))
    assert server.requests == ["/good/Set/raw/set.bin"]


def test_the_course_mirror_may_be_one_folder_of_files(server, tmp_path, monkeypatch):
    course = tmp_path / "course"
    course.mkdir()
    (course / "set.bin").write_bytes(BODY)
    monkeypatch.setenv("NCLIB_MIRROR", str(course))
    assert get(tmp_path / "root", server("good")).read_bytes() == BODY
    assert server.requests == []


def test_the_course_mirror_falls_back_to_the_public_ones(server, tmp_path, monkeypatch):
    monkeypatch.setenv("NCLIB_MIRROR", server("missing").removesuffix("set.bin"))
    get(tmp_path, server("good"))
    assert server.requests == ["/missing/Set/raw/set.bin", "/missing/set.bin", "/good/set.bin"]


def test_a_damaged_cached_file_is_named_and_kept(server, tmp_path):
    path = tmp_path / "Set" / "raw" / "set.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"mine")
    found = hashlib.md5(b"mine", usedforsecurity=False).hexdigest()
    with pytest.raises(ValueError, match="delete it") as failure:
        get(tmp_path, server("good"))
    for part in (str(path), found, MD5):
        assert part in str(failure.value)
    assert path.read_bytes() == b"mine"
    assert server.requests == []


def test_an_interrupted_download_leaves_nothing(server, tmp_path, monkeypatch):
    def interrupted(*args):
        yield BODY[:1000]
        assert [name.endswith(".part") for name in files(tmp_path)] == [True]
        raise KeyboardInterrupt

    monkeypatch.setattr(fetching, "_paced", interrupted)
    with pytest.raises(KeyboardInterrupt):
        get(tmp_path, server("good"))
    assert files(tmp_path) == []


def test_a_root_that_cannot_be_written(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataUnavailableError, match="cannot be written") as failure:
        get(tmp_path / "file", server("good"))
    assert "root=" in str(failure.value)


def test_two_at_once_do_not_disturb_each_other(server, tmp_path):
    threads = [threading.Thread(target=get, args=(tmp_path, server("slow"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert files(tmp_path) == ["set.bin"]
    assert (tmp_path / "Set" / "raw" / "set.bin").read_bytes() == BODY


def test_a_checksum_of_no_known_kind(tmp_path):
    with pytest.raises(ValueError, match="MD5 or SHA-256"):
        get(tmp_path, checksum="abc")


def test_the_root_argument_precedes_the_environment_and_that_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NCLIB_DATA", str(tmp_path / "course"))
    assert data_root(tmp_path) == tmp_path
    assert data_root(str(tmp_path)) == tmp_path
    assert data_root() == tmp_path / "course"
    monkeypatch.delenv("NCLIB_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert data_root() == tmp_path / "nclib"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert data_root() == Path.home() / ".cache" / "nclib"
    assert data_root("~/data") == Path.home() / "data"


def test_the_bar_is_shown_only_where_a_person_looks(capsys, monkeypatch):
    assert fetching.progress(10, "set.bin", "B").disable
    monkeypatch.setattr(fetching, "in_notebook", lambda: True)
    with fetching.progress(10, "set.bin", "B") as bar:
        assert not bar.disable
        bar.delay = 0
        bar.update(10)
        bar.refresh()
    shown = capsys.readouterr()
    assert "set.bin" in shown.err
    assert shown.out == ""
