"""What is printed reaches any stream: one that lacks a character gets it escaped, and no error."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from nclib.lessons.claims import claim
from nclib.texts import spare

PRINTED = {
    "a data set": "print(nclib.load_data('digits', classes=[0, 1], per_class=5))",
    "a split": "print(nclib.load_data('digits', classes=[0, 1], per_class=5).train)",
    "a run, a player": "r = nclib.load_run('digits-mlp-ce-0'); print(r); print(r.player())",
    "claims": "from nclib.lessons.claims import claim; claim('‖W‖ × λ ≤ 1 ✓', 0.5, below=1)",
    "checks": (
        "from nclib.lessons.answers import check\n"
        "for answer in (None, 'λ is wrong'): check(lambda given: given)(answer)"
    ),
    "an error": (
        "try: nclib.load_data('digits', classes=[0, 'λ'])\nexcept ValueError as error: print(error)"
    ),
    "a training with its bar": (
        "d = nclib.load_data('digits', classes=[0, 1], per_class=5)\n"
        "n = nclib.build_network('mlp', d, width=4)\n"
        "print(nclib.Trajectory.of(nclib.train(n, d, epochs=1, learning_rate=.1, weight_decay=0)))"
    ),
    "a bar": (
        "from tqdm import tqdm\n"
        "for _ in tqdm(range(9), desc='runs', delay=0): nclib.runtime.device()"
    ),
    "a sweep": "print(nclib.sweep([]), nclib.sweep([]).table)",
}


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_streams_that_lack_a_character(encoding, tmp_path):
    """All in one process for each encoding, as importing torch takes seconds."""
    code = "import nclib\n" + "\n".join(PRINTED.values())
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    said = done.stdout.decode(encoding)
    for sign in ("×", "✓", "λ", "·"):
        escaped = sign.encode(encoding, "backslashreplace").decode(encoding)
        assert escaped in said, sign


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437", "koi8-r", "utf-8"])
def test_a_stream_that_is_put_in_later(encoding, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    claim("a × b ✓", 0.5, below=1)
    stream.flush()
    assert stream.buffer.getvalue().startswith(b"checked: a ")
    assert stream.errors == ("strict" if encoding == "utf-8" else "backslashreplace")


def test_a_stream_with_a_way_of_its_own_keeps_it():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="replace")
    spare(stream)
    assert stream.errors == "replace"
    spare(io.StringIO())
