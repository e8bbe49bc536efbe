"""Copies of the notebooks: portable, for students and teachers, and back from a hosted service."""

from __future__ import annotations

import ast
import base64
import builtins
import contextlib
import functools
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from unittest.mock import MagicMock

import nbformat
import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

import address
import copies
import nb
from cells import sources
from execute import run_all
from imports import PACKAGE
from stamp import notebook, to_bytes

from nclib import Trajectory

SOURCES = sources([])
EACH = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
NAMED = {path.stem: path for path in SOURCES}
TOUR = NAMED["00_tour"]
KERNEL = {
    "NCLIB_PROFILE": "ci",
    "OMP_NUM_THREADS": "1",
    "PYTHONWARNINGS": "error::RuntimeWarning,error::FutureWarning",
}
# At the start of every Python: an nclib that is installed, editable or not, is not to be found ...
HIDDEN = """import sys
sys.meta_path[:] = [f for f in sys.meta_path if "editable" not in getattr(f, "__name__", "").lower()
                    and "editable" not in type(f).__name__.lower()]
sys.path[:] = [p for p in sys.path if not __import__("os").path.isfile(
    __import__("os").path.join(p, "nclib", "player", "player.js"))]
"""


def text_of(source: Path) -> str:
    return source.read_text(encoding="utf-8")


def set_up_of(made: dict) -> str:
    (cell,) = (c for c in made["cells"] if "nc-setup" in c["metadata"].get("tags", ()))
    return "".join(cell["source"])


def carried(made: dict) -> zipfile.ZipFile:
    encoded = re.search(r'carried = """\n(.*?)\n"""', set_up_of(made), re.DOTALL)[1]
    data = base64.b85decode("".join(encoded.split()))
    checksum = re.search(r'checksum = "(\w+)"', set_up_of(made))[1]
    assert hashlib.sha256(data).hexdigest() == checksum
    return zipfile.ZipFile(io.BytesIO(data))


# Portable


@functools.cache
def portable_of(source: Path) -> dict:
    """Made once, for tests that only look at it."""
    return copies.portable(text_of(source), notebook(text_of(source)))


@EACH
def test_a_portable_notebook_is_the_same_whenever_it_is_made(source):
    once, again = (to_bytes(make(source)) for make in (portable_of, portable_of.__wrapped__))
    assert once == again
    nbformat.validate(json.loads(once))


def names_in(source: str) -> list[str]:
    return carried(portable_of(NAMED[source])).namelist()


def test_the_tour_carries_the_player_with_its_assets_and_says_so():
    made = portable_of(TOUR)
    names = carried(made).namelist()
    assert names == sorted(set(names))
    assert {"nclib/__init__.py", "nclib/player/player.py", "nclib/runs/training.py"} <= {*names}
    player = {f"nclib/player/{p.name}" for p in (PACKAGE / "player").iterdir() if p.is_file()}
    assert {n for n in names if n.startswith("nclib/player/")} == player
    assert not [n for n in names if n.endswith((".npz", ".pyc"))]
    title = "".join(made["cells"][0]["source"])
    checksum = re.search(r'checksum = "(\w+)"', set_up_of(made))[1]
    assert f"SHA-256 `{checksum[:16]}…`" in title
    assert "github.com" not in title


def test_a_notebook_of_formulas_carries_no_data_no_player_and_no_training():
    names = names_in("07_deep_neural_collapse")
    assert "nclib/formulas/deep_ufm.py" in names
    absent = ("nclib/data/", "nclib/player/player", "nclib/runs/networks", "nclib/runs/training")
    assert not [name for name in names if name.startswith(absent)]
    assert not [name for name in names if re.match(r"nclib/player/.*\.js", name)]


@EACH
def test_nothing_of_another_lesson_is_carried(source):
    names = carried(portable_of(source)).namelist()
    lessons = {name.split("/")[2] for name in names if re.match(r"nclib/lessons/\w+/", name)}
    used = set(re.findall(r"^from nclib\.lessons\.(\w+) import", text_of(source), re.MULTILINE))
    assert lessons == {lesson for lesson in used if (PACKAGE / "lessons" / lesson).is_dir()}


@EACH
def test_copies_for_students_and_teachers_carry_the_same(source, monkeypatch):
    monkeypatch.setattr(copies, "library_zip", lambda paths: str(sorted(paths)).encode())
    text = text_of(source)
    kinds = (notebook, copies.student, copies.instructor, copies.solved)
    assert len({set_up_of(copies.portable(text, make(text))) for make in kinds}) == 1


def test_what_is_named_for_types_alone_or_in_prose_is_not_carried():
    text = """# %% [markdown]
# import nclib.data.fetch, and "digits-mlp-ce-0"

# %%
if TYPE_CHECKING:
    from nclib.data import fetch
def later():
    from nclib import palette
"""
    assert copies.carried(text) == {PACKAGE / "__init__.py", PACKAGE / "palette.py"}


def test_what_a_room_opens_is_carried_when_it_is_asked_for():
    load = PACKAGE / "data" / "dataset.py"
    for code in ("from nclib.data import Split", "import nclib\nnclib.data.Split"):
        assert load in copies.carried(f"# %%\n{code}\n")
    for code in ("from nclib.data import raw", "import nclib.data.raw"):
        assert load not in copies.carried(f"# %%\n{code}\n")
    for room in PACKAGE.rglob("__init__.py"):
        body = ast.parse(room.read_text(encoding="utf-8")).body
        opened = [n for n in body if isinstance(n, ast.Import | ast.ImportFrom)]
        assert not [n for n in opened if "nclib" in ast.unparse(n)], room


def test_names_of_the_package_under_another_name_are_followed():
    etf = PACKAGE / "formulas" / "etf.py"
    assert etf in copies.carried("# %%\nimport nclib as nc\nnc.simplex_etf(2, 3)\n")
    assert etf in copies.carried("# %%\nfrom nclib import *\n")


def test_every_asset_is_carried_by_a_module_beside_it():
    assets = {p for p in PACKAGE.rglob("*") if p.suffix in copies.ASSETS}
    assert assets
    named = {asset for path in PACKAGE.rglob("*.py") for asset in copies._assets(path)}
    assert named == assets


LIMITS = {  # kB, of the whole file; the recorded runs are most of 02 to 05
    "00_tour": 300,
    "01_simplex_etf": 220,
    "02_measuring_collapse": 990,
    "03_collapse_under_mse": 1660,
    "04_mse_decomposition": 2300,
    "05_central_path": 900,
    "06_unconstrained_features": 300,
    "07_deep_neural_collapse": 120,
    "08_collapse_through_the_layers": 1010,
    "11_your_own_network": 280,
}


@pytest.mark.parametrize(("name", "limit"), LIMITS.items())
def test_a_portable_notebook_stays_small(name, limit):
    assert len(to_bytes(portable_of(NAMED[name]))) <= limit * 1000


def test_a_carried_run_is_drawn_as_the_whole_one_is(tmp_path):
    archive = carried(portable_of(NAMED["05_central_path"]))
    (name, *_) = (name for name in archive.namelist() if name.endswith(".npz"))
    thin = Trajectory.load(archive.extract(name, tmp_path))
    whole = Trajectory.load(copies.ROOT / name)
    assert len(archive.read(name)) < 0.75 * (copies.ROOT / name).stat().st_size
    assert thin.payload() == whole.payload()
    pd.testing.assert_frame_equal(thin.metrics, whole.metrics)
    for part in ("class_means", "weight", "captured"):
        assert np.array_equal(*(getattr(run.coordinates(), part) for run in (thin, whole)))


def test_it_carries_the_recorded_runs_it_names_and_no_others():
    load = "# %%\nimport nclib\nrun = nclib.load_run"
    assert copies.recorded_in(f'{load}("digits-mlp-ce-1")\n') == ("digits-mlp-ce-1",)
    joined = f'{load}(f"{{cell}}-{{loss}}")\ncell, loss = "mnist-vgg11", "mse"\n'
    assert copies.recorded_in(joined) == ("mnist-vgg11-mse",)
    replaced = f'{load}("digits-mlp-mse-0".replace("-mse", "-ce"))\n'
    assert copies.recorded_in(replaced) == ("digits-mlp-ce-0", "digits-mlp-mse-0")
    prose = f'{load}("mnist-vgg11-ce")\nprint("mse", "class 0", "digits mlp")\n'
    assert copies.recorded_in(prose) == ("mnist-vgg11-ce", "mnist-vgg11-mse")
    assert copies.recorded_in('# %%\nprint("digits-mlp-ce-0")\n') == ()
    every = "# %%\nfrom nclib.runs.recorded import recorded_runs\nrecorded_runs()\n"
    assert len(copies.recorded_in(every)) == len(list(copies.RECORDED.glob("*.npz"))) >= 16


def loaded_by(code: str) -> set[str]:
    """The names handed to ``load_run`` by assignments and loops, all unknown things made up."""
    tree, handed = ast.parse(code), []
    names = {"nclib"} | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    made_up = {name: MagicMock() for name in names - {*dir(builtins)}}
    made_up["nclib"].load_run = made_up["load_run"] = lambda name: handed.append(name)
    for node in tree.body:
        loads = "load_run" in ast.unparse(node) and isinstance(node, ast.Expr | ast.For)
        if loads or isinstance(node, ast.Assign | ast.AugAssign):
            with contextlib.suppress(Exception):
                exec(compile(ast.Module([node], []), "cell", "exec"), made_up)
    return {name for name in handed if isinstance(name, str)}


@EACH
def test_every_run_a_notebook_loads_is_carried_and_no_other(source):
    text = text_of(source)
    assert loaded_by(copies._code(text)) == set(copies.recorded_in(text))


def test_only_notebooks_load_recorded_runs():
    assert not [
        path.name
        for path in PACKAGE.rglob("*.py")
        if re.search(r"load_run\(|runs\.recorded import", path.read_text(encoding="utf-8"))
        and path != copies.RECORDED.with_suffix(".py")
    ]


def in_a_copy(folder: Path, made: dict, code: str) -> str:
    """What a Python says that runs a copy's set-up cell, then this code, and nothing else."""
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(HIDDEN)
    done = subprocess.run(
        [sys.executable, "-"],
        input=f"{set_up_of(made)}\n{code}",
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder / "site")},
        capture_output=True,
        text=True,
        check=False,
    )
    return (done.stdout + done.stderr).strip()


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("import nclib; nclib.load_data('digits')", "nclib.data"),
        ("from nclib.runs import training", "nclib.runs"),
        ("from nclib.formulas import ufm", "nclib.formulas.ufm"),
        ("from nclib import DataSet", "nclib.data"),
    ],
)
def test_what_is_not_carried_is_said(code, name, tmp_path):
    text = '# %% tags=["nc-setup"]\n# %%\nfrom nclib import simplex_etf\n'
    said = in_a_copy(tmp_path, copies.portable(text, notebook(text)), code).splitlines()[-1]
    assert said.startswith(f"ModuleNotFoundError: {name} is not here")
    assert "install the whole library" in said


def test_what_is_carried_works_and_a_wrong_name_stays_one(tmp_path):
    text = '# %% tags=["nc-setup"]\n# %%\nfrom nclib import simplex_etf\n'
    code = """import nclib
print(nclib.simplex_etf(3, 4).shape)
try:
    nclib.colapse_metrics
except AttributeError as error:
    print(error)
try:
    import nothing_of_this_name
except ModuleNotFoundError as error:
    print(error)
"""
    said = in_a_copy(tmp_path, copies.portable(text, notebook(text)), code)
    assert said.splitlines()[-2:] == [
        "module 'nclib' has no attribute 'colapse_metrics'",
        "No module named 'nothing_of_this_name'",
    ]
    assert "Size(" in said


def test_copies_are_made_where_the_library_is_not_installed(tmp_path):
    """As in Colab's image, where the tools run in a bare checkout."""
    tools = Path(copies.__file__).parent
    code = f"import sys; sys.path.insert(0, {str(tools)!r})\nimport copies, cells, stamp\n"
    code += "text = (cells.ROOT / 'notebooks' / '00_tour.py').read_text('utf-8')\n"
    code += "copies.portable(text, stamp.notebook(text))\nprint('nclib' in sys.modules)"
    text = '# %% tags=["nc-setup"]\n'
    assert in_a_copy(tmp_path, notebook(text), code) == "False"


def test_a_damaged_copy_says_so(tmp_path):
    whole = set_up_of(portable_of(TOUR))
    code = re.sub(r'(carried = """\n..)(.)', lambda at: at[1] + "AB"[at[2] == "A"], whole)
    assert code != whole
    done = subprocess.run(
        [sys.executable, "-"], input=code, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stderr.strip().endswith("is damaged: download the notebook again.")


def test_without_the_copy_the_library_is_really_hidden(tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(HIDDEN)
    text = "# %%\nimport importlib.util\nassert importlib.util.find_spec('nclib') is None\n"
    run_all(notebook(text), tmp_path, checkout=False, PYTHONPATH=str(site), **KERNEL)


# Students and teachers


@EACH
def test_a_students_copy_has_no_solution_and_every_check(source):
    text = text_of(source)
    whole, made = notebook(text), copies.student(text)
    code = "\n".join("".join(cell["source"]) for cell in made["cells"])
    assert "BEGIN SOLUTION" not in code
    assert "For the teacher" not in code
    tags = [tag for cell in made["cells"] for tag in cell["metadata"].get("tags", ())]
    assert tags.count("check") == text.count('tags=["check"]') > 0
    assert "solution" not in tags
    assert len(made["cells"]) < len(whole["cells"])
    nbformat.validate(json.loads(to_bytes(made)))


@EACH
def test_a_teachers_copy_has_every_solution_in_sight(source):
    made = copies.instructor(text_of(source))
    solutions = [c for c in made["cells"] if "solution" in c["metadata"].get("tags", ())]
    assert solutions
    assert not [c for c in solutions if "jupyter" in c["metadata"] or "cellView" in c["metadata"]]
    assert any("For the teacher" in "".join(c["source"]) for c in made["cells"])


# Back from a hosted service


def saved_by_colab(text: str) -> dict:
    """As Colab saves it: ids, provenance, outputs, and its own badge in a cell before all."""
    made = notebook(text)
    for number, cell in enumerate(made["cells"]):
        cell["id"] = f"c{number}"
        cell["metadata"] |= {"id": f"x{number}", "colab": {"base_uri": "https://localhost:8080/"}}
        if cell["cell_type"] == "code":
            cell["execution_count"] = number
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["hello\n"]}]
    host = "https://colab.research.google.com"
    link = f'<a href="{host}/github/a/b.ipynb" target="_parent"><img src="{host}/b.svg"/></a>'
    badge = {"cell_type": "markdown", "id": "view", "metadata": {}, "source": [link]}
    made["metadata"] |= {"widgets": {"state": {}}, "colab": {"provenance": []}}
    return made | {"cells": [badge, *made["cells"]]}


@EACH
def test_adopting_what_was_only_run_changes_nothing(source):
    text = text_of(source)
    assert copies.adopted(json.dumps(saved_by_colab(text)), text) == text


def test_adopting_takes_changes_and_new_cells_but_not_the_set_up(tmp_path):
    text = text_of(TOUR)
    made = saved_by_colab(text)
    by_tag = {(c["metadata"].get("tags") or ["none"])[0]: c for c in made["cells"]}
    by_tag["parameters"]["source"] = ["seed = 1  # another\n", "decays = [0.0, 1e-2]"]
    by_tag["nc-setup"]["source"] = ["print('something else')"]
    new = {"cell_type": "code", "metadata": {}, "source": ["print(seed)"], "outputs": []}
    made["cells"].append(new | {"execution_count": 1, "id": "new"})
    found = copies.adopted(json.dumps(made), text)
    assert "seed = 1  # another" in found
    assert found.rstrip().endswith("# %%\nprint(seed)")
    assert "something else" not in found
    assert "def is_ours(folder)" in found


def test_what_cannot_be_adopted_is_refused():
    with pytest.raises(ValueError, match="this is no notebook"):
        copies.adopted("{}", text_of(TOUR))
    raw = {"cell_type": "raw", "id": "r", "metadata": {}, "source": ["x"]}
    with pytest.raises(ValueError, match="a raw cell cannot be adopted"):
        copies.adopted(json.dumps(notebook(text_of(TOUR)) | {"cells": [raw]}), text_of(TOUR))


# The verbs


def test_verbs_write_and_report(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(nb, "ROOT", tmp_path)
    for kind in ("portable", "student", "instructor"):
        assert nb.main([kind, str(TOUR)]) == 0
        written = tmp_path / "dist" / kind / "00_tour.ipynb"
        digest = hashlib.sha256(written.read_bytes()).hexdigest()
        assert capsys.readouterr().out.startswith(digest)


def test_adopt_names_the_notebook(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(nb, "ROOT", tmp_path)
    saved = tmp_path / "Copy_of_00_tour.ipynb"
    saved.write_text(json.dumps(saved_by_colab(text_of(TOUR))))
    assert nb.main(["adopt", str(saved)]) == 2
    assert "say which with --as" in capsys.readouterr().err
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "00_tour.py").write_text(text_of(TOUR))
    assert nb.main(["adopt", str(saved), "--as", "00_tour"]) == 0
    assert (tmp_path / "notebooks" / "00_tour.py").read_text() == text_of(TOUR)


@pytest.mark.parametrize(
    "remote",
    [
        "https://github.com/someone/collapse.git",
        "git@github.com:someone/collapse.git",
        "ssh://git@github.com/someone/collapse",
    ],
)
def test_the_address_is_copied_from_the_remote_once(tmp_path, remote):
    (tmp_path / "pyproject.toml").write_text('[tool.nclib]\nrepository = ""\n')
    git = ["git", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    with pytest.raises(ValueError, match="no remote called origin"):
        address.adopt_remote(tmp_path / "pyproject.toml")
    subprocess.run([*git, "remote", "add", "origin", remote], check=True)
    address.adopt_remote(tmp_path / "pyproject.toml")
    found = address.read_address(tmp_path / "pyproject.toml").repository
    assert found == "https://github.com/someone/collapse"
    subprocess.run([*git, "remote", "set-url", "origin", "https://github.com/b/c"], check=True)
    assert "edit it in" in address.adopt_remote(tmp_path / "pyproject.toml")
    assert address.read_address(tmp_path / "pyproject.toml").repository == found


def test_a_remote_elsewhere_is_refused(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.nclib]\nrepository = ""\n')
    git = ["git", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "remote", "add", "origin", "https://example.org/a/b"], check=True)
    with pytest.raises(ValueError, match=r"expected a git remote on github\.com"):
        address.adopt_remote(tmp_path / "pyproject.toml")
