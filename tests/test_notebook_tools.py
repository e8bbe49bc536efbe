"""tools/nb.py: stamp is a pure function, check sees a byte, each rule of lint a bad example."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import jupytext
import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

import lint
import nb
import stamp
from address import Address, read_address
from cells import read_cells, sources

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED = Address("https://github.com/someone/collapse", "2027")
GOOD = '''# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] tags=["nc-badges"]
# # Simplexes
#
# Class means end as far apart as they can.
#
# ![four points](four.png)

# %% [markdown]
# | You will be able to | Needs | Time | Data | Paper |
# | --- | --- | --- | --- | --- |
# | see $\\lvert x \\rvert$ | nothing | 10 min | none | Papyan 2020 |

# %% tags=["nc-setup"]

# %%
import nclib
from nclib import etf

print(nclib.runtime.describe())

# %% tags=["parameters"]
num_classes = 4  # classes, 2 or more

# %% [markdown]
# ## How far apart?

# %%
# %time frame = nclib.simplex_etf(num_classes)
frame = nclib.simplex_etf(num_classes)

# %% tags=["self-check"]
assert frame.shape[0] == num_classes, f"found {frame.shape[0]} rows, expected {num_classes}"
print("checked: rows")

# %% [markdown] tags=["exercise"]
# ### Exercise
#
# Write the cosine.


# %% tags=["exercise"]
def cosine(classes):
    """Cosine of two rows."""
    raise NotImplementedError("one line")


# %% tags=["check"]
etf.check_cosine(cosine)


# %% tags=["solution"]
def cosine(classes):
    """Cosine of two rows."""
    ### BEGIN SOLUTION
    return -1 / (classes - 1)
    ### END SOLUTION


# %% [markdown] tags=["instructor"]
# Draw the triangle.

# %% [markdown]
# ## Where this stops being true
'''


@pytest.fixture
def folder(tmp_path):
    """A folder with one notebook's .py."""
    (tmp_path / "01_good.py").write_text(GOOD, encoding="utf-8")
    return tmp_path


def read(folder) -> nbformat.NotebookNode:
    return nbformat.read(folder / "01_good.ipynb", as_version=4)


# --- stamp and check


def test_stamp_is_deterministic_and_idempotent(folder):
    source = folder / "01_good.py"
    assert [p.suffix for p in stamp.stamp(source, PUBLISHED)] == [".py", ".ipynb"]
    first = source.read_bytes(), (folder / "01_good.ipynb").read_bytes()
    assert stamp.stamp(source, PUBLISHED) == []
    assert first == (source.read_bytes(), (folder / "01_good.ipynb").read_bytes())
    assert first[1].endswith(b"}\n")


def test_stamped_notebook_is_valid_clean_and_folded(folder):
    stamp.stamp(folder / "01_good.py", Address())
    made = read(folder)
    nbformat.validate(made)
    assert len({cell.id for cell in made.cells}) == len(made.cells)
    assert made.metadata.accelerator == "GPU"
    assert made.metadata.colab == {"gpuType": "T4", "toc_visible": True}
    assert "widgets" not in made.metadata
    assert "jupytext" not in made.metadata
    for cell in made.cells:
        hidden = {"nc-setup", "solution"} & set(cell.metadata.get("tags", []))
        assert (cell.metadata.get("jupyter") == {"source_hidden": True}) == bool(hidden)
        assert (cell.metadata.get("cellView") == "form") == bool(hidden)
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_equal_cells_get_different_ids():
    twice = "# %%\nx = 1\n\n# %%\nx = 1\n"
    ids = [cell["id"] for cell in stamp.notebook(twice)["cells"]]
    assert len(set(ids)) == 2


def test_an_edit_changes_the_id_of_its_own_cell_only():
    before = stamp.notebook(GOOD)["cells"]
    after = stamp.notebook(GOOD.replace("num_classes = 4", "num_classes = 5"))["cells"]
    changed = [a["source"] for a, b in zip(before, after, strict=True) if a["id"] != b["id"]]
    assert changed == [["num_classes = 4  # classes, 2 or more"]]


def test_our_cells_are_jupytexts_cells():
    ours = read_cells(GOOD)
    theirs = jupytext.reads(GOOD, fmt="py:percent").cells
    assert [c.kind for c in ours] == [c.cell_type for c in theirs]
    assert [list(c.tags) for c in ours] == [c.metadata.get("tags", []) for c in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.source.replace("# %time", "%time") == other.source
        assert GOOD.splitlines()[mine.line - 1] == mine.header


def test_badges_point_to_the_configured_repository_only(folder):
    text = stamp.refresh(GOOD, "notebooks/01_good.ipynb", PUBLISHED)
    assert "colab.research.google.com/github/someone/collapse/blob/2027/notebooks/01_good" in text
    assert "mybinder.org/v2/gh/someone/collapse/2027?labpath=notebooks/01_good.ipynb" in text
    assert 'archive = "https://github.com/someone/collapse/archive/2027.zip"' in text
    without = stamp.refresh(text, "notebooks/01_good.ipynb", Address())
    assert "http" not in without
    assert stamp.refresh(without, "notebooks/01_good.ipynb", PUBLISHED) == text


def test_an_address_that_is_no_repository_is_refused(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.nclib]\nrepository = "gitlab.com/x"\n')
    with pytest.raises(ValueError, match=r"repository is 'gitlab.com/x'; expected https://github"):
        read_address(tmp_path / "pyproject.toml")


def test_check_sees_one_byte(folder, capsys):
    assert nb.main(["stamp", str(folder)]) == 0
    assert nb.main(["check", str(folder)]) == 0
    made = folder / "01_good.ipynb"
    made.write_bytes(made.read_bytes().replace(b"far apart as", b"far apart aS"))
    capsys.readouterr()
    assert nb.main(["check", str(folder)]) == 1
    said = capsys.readouterr().out
    assert "01_good.ipynb is stale" in said
    assert "01_good.py is" not in said
    assert "python tools/nb.py stamp" in said


def test_check_sees_missing_and_orphaned_notebooks(folder, capsys):
    assert nb.main(["check", str(folder)]) == 1
    nb.main(["stamp", str(folder)])
    (folder / "02_lost.ipynb").write_text("{}")
    assert nb.main(["check", str(folder)]) == 1
    assert "02_lost.ipynb has no .py beside it" in capsys.readouterr().out


def test_check_sees_an_edited_set_up_cell(folder):
    nb.main(["stamp", str(folder)])
    source = folder / "01_good.py"
    source.write_text(source.read_text().replace("import tempfile\n", "import tempfile as t\n"))
    assert stamp.stale(source, read_address()) == [source]


def test_a_notebook_without_source_is_refused(tmp_path, capsys):
    (tmp_path / "x.ipynb").write_text("{}")
    assert nb.main(["stamp", str(tmp_path / "x.ipynb")]) == 2
    assert "has no x.py" in capsys.readouterr().err


def test_format_survives_ruff(folder):
    nb.main(["stamp", str(folder)])
    config = ["--config", str(ROOT / "pyproject.toml")]
    run = [sys.executable, "-m", "ruff", "format", "--diff", *config, str(folder / "01_good.py")]
    subprocess.run(run, check=True, capture_output=True)


# --- lint


def said_by_rule(text: str) -> dict[str, str]:
    return {f.rule: str(f) for f in lint.lint_text(text, Path("bad.py"))}


def test_good_notebook_is_clean():
    assert said_by_rule(stamp.refresh(GOOD, "n.ipynb", PUBLISHED)) == {}


def with_code(code: str) -> tuple[str, str]:
    return "# ## How far apart?\n", f"# ## How far apart?\n\n# %%\n{code}\n"


def with_text(text: str) -> tuple[str, str]:
    return "# ## How far apart?\n", f"# ## How far apart?\n#\n# {text}\n"


# rule, (text in the good notebook, what it becomes), words of the message
BAD = [
    ("cell-header", ('# %% tags=["check"]', '# %% tags=["check"] hide=1'), "cannot read"),
    ("cell-header", ('# %% tags=["check"]', "# %% tags=check"), "cannot read"),
    (
        "cell-header",
        ('# %% [markdown] tags=["nc-b', 'x = 1\n# %% [markdown] tags=["nc-b'),
        "before",
    ),
    ("known-tags", ('tags=["instructor"]', 'tags=["teacher"]'), "unknown tag 'teacher'"),
    ("anatomy", (' tags=["nc-badges"]', ""), "Cell 0 is markdown tagged nc-badges"),
    ("anatomy", ("Needs", "Requires"), "Cell 1 is a table"),
    ("anatomy", ('# %% tags=["nc-setup"]', "# %%"), "Cell 2 is code tagged nc-setup"),
    ("anatomy", ("print(nclib.runtime.describe())\n", ""), "prints one line"),
    ("anatomy", ('# %% tags=["parameters"]', "# %%"), "is tagged parameters"),
    ("anatomy", with_code('# %% tags=["parameters"]\na = 1'), "a second cell tagged parameters"),
    ("sections", (' tags=["self-check"]', ""), "no cell tagged self-check"),
    ("sections", ("# ## Where this stops", "# ## Here it stops"), "Where this stops being true"),
    ("one-title", ("# ## How far apart?", "# # How far apart?"), "a second title"),
    ("one-title", ("# ## How far apart?", "# ##"), "without text"),
    ("heading-order", ("# ## How far apart?", "# #### How far apart?"), "a heading of level 1"),
    ("self-check", (', f"found {frame.shape[0]} rows, expected {num_classes}"', ""), "message"),
    ("self-check", ("assert frame.shape[0] ==", "frame.shape[0] =="), "no claim and no assert"),
    ("exercise-parts", ('# %% tags=["check"]', "# %%"), "the next code cell after this exercise"),
    ("exercise-parts", ('# %% tags=["solution"]', "# %%"), "the next code cell after this check"),
    ("exercise-parts", ('# %% tags=["exercise"]', "# %%"), "the code cell before this check"),
    ("exercise-task", ('[markdown] tags=["exercise"]', "[markdown]"), "no task before the stub"),
    ("exercise-task", ("etf.check_cosine(cosine)", "cosine(4)"), "a check calls check_"),
    ("stub-differs", ('raise NotImplementedError("one line")', "return 0"), "end it with raise"),
    ("stub-differs", ("return -1 / (classes - 1)", 'raise NotImplementedError("x")'), "the same"),
    ("solution-marks", ("    ### END SOLUTION\n", ""), "do not pair"),
    ("solution-marks", with_code("### BEGIN SOLUTION\n### END SOLUTION"), "not tagged solution"),
    ("parses", with_code("x ="), "invalid syntax"),
    ("cell-length", with_code("a = 1\n" * 16), "16 lines, limit 15"),
    ("no-class", with_code("class Net: ..."), "class Net"),
    ("imports-together", with_code("import numpy"), "imports cell"),
    ("no-pyplot", with_code("import matplotlib.pyplot as plt"), "nclib.pictures"),
    ("no-pyplot", with_code("from matplotlib import pyplot"), "nclib.pictures"),
    ("no-pyplot", with_code("plt.show()"), "nclib.pictures"),
    ("figures-described", with_code("display(fig)"), "display of a figure"),
    ("figures-described", with_code('figures.bars(one, alt=" ")'), "alt is empty"),
    ("no-silenced-warnings", with_code('warnings.filterwarnings("ignore")'), "remove its cause"),
    ("no-silenced-warnings", with_code('w.simplefilter(action="ignore")'), "remove its cause"),
    ("no-absolute-path", with_code('open("/content/drive/x.npz")'), "/content/drive"),
    ("no-absolute-path", with_code('open("C:\\\\data")'), "absolute path"),
    ("no-absolute-path", with_code("# %cd /content"), "absolute path"),
    ("no-absolute-path", with_text("[here](/tree/x.ipynb)"), "absolute path"),
    ("no-pip-nclib", with_code("# %pip install -q nclib"), "is not ours"),
    ("no-pip-nclib", with_text("Run `pip install nclib` first."), "is not ours"),
    ("plain-progress", with_code("from tqdm.notebook import tqdm"), "from tqdm import tqdm"),
    ("image-alt", ("![four points]", "![]"), "without words"),
    ("image-alt", with_text('<img src="a.png" alt="">'), "without words"),
    ("names", with_text("It is called activation collapse."), "variability collapse"),
    ("math-shown", ("\\lvert x \\rvert", "|x|"), "splits the table's cell"),
    ("math-shown", with_text("<details>Hint: $x$</details>"), "inside <details>"),
]


@pytest.mark.parametrize(("rule", "change", "words"), BAD)
def test_rule_finds_its_bad_example(rule, change, words):
    old, new = change
    assert old in GOOD
    bad = GOOD.replace(old, new, 1)
    messages = [f for f in lint.lint_text(bad, Path("bad.py")) if f.rule == rule]
    assert any(words in found.message for found in messages), said_by_rule(bad)


def test_stub_and_solution_have_one_signature():
    before, after = GOOD.rsplit("def cosine(classes)", 1)
    assert "other arguments" in said_by_rule(f"{before}def cosine(c){after}")["stub-differs"]
    assert "no solution" in said_by_rule(f"{before}def angle(classes){after}")["stub-differs"]


def test_every_rule_has_an_example_and_says_what_it_is():
    assert {rule for rule, *_ in BAD} == set(lint.RULES)
    assert all(check.__doc__ for check in lint.RULES.values())


@pytest.mark.parametrize(
    "fine",
    [
        'f"{root}/data/x"',
        "class_means = 1",
        'ratio = "N/A"',
        'figures.cosines(frame, alt="a heat map")',
        'print("/")',
    ],
)
def test_code_that_is_fine(fine):
    assert said_by_rule(GOOD.replace(*with_code(fine))) == {}


def test_text_that_is_fine():
    fenced = "```\n# ![](x)\n# # not a title\n# pip list\n# ```"
    assert said_by_rule(GOOD.replace(*with_text(fenced))) == {}


def test_message_names_file_line_cell_and_rule():
    bad = GOOD.replace(*with_code("a = 1\nimport numpy"))
    (finding,) = lint.lint_text(bad, ROOT / "notebooks/01_bad.py")
    line = bad.splitlines().index("import numpy") + 1
    assert str(finding).startswith(f"notebooks/01_bad.py:{line} (cell 6) imports-together: ")


def test_lint_counts_and_reports(folder, capsys):
    assert nb.main(["stamp", str(folder)]) == 0
    assert nb.main(["lint", str(folder)]) == 0
    *_, row = capsys.readouterr().out.splitlines()
    name, words, lines, cells, median, longest = row.split()
    assert name == "01_good"
    assert (int(lines), int(cells), float(median), int(longest)) == (12, 6, 2, 3)
    assert 50 < int(words) < 80


# --- the set-up cell

SET_UP = ROOT / "tools" / "templates" / "setup.py.txt"
OURS = 'SUITE = "neural-collapse"\nWHERE = {!r}\n'
FOREIGN = "raise RuntimeError('this is the netcat library')\n"
REPORT = "\nimport nclib\nprint(nclib.WHERE)\n"


def package(root: Path, text: str) -> Path:
    (root / "nclib").mkdir(parents=True)
    (root / "nclib" / "__init__.py").write_text(text)
    return root


def run_set_up(cwd: Path, after=REPORT, *, archive="", on_path: Path | None = None, before=""):
    """Execute the cell in a fresh interpreter, as a kernel would: working directory first."""
    cwd.mkdir(parents=True, exist_ok=True)
    cell = SET_UP.read_text(encoding="utf-8").replace("@ARCHIVE@", archive)
    python = [sys.executable, "-S", "-c", f"{before}\n{cell}\n{after}"]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PIP"))}
    env |= {"PYTHONPATH": str(on_path or "")}
    return subprocess.run(python, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def test_set_up_is_short_and_stamped_as_it_stands():
    assert len(SET_UP.read_text(encoding="utf-8").splitlines()) <= 30
    assert stamp.set_up(Address()).count('archive = ""') == 1


def test_set_up_finds_a_checkout_above(tmp_path):
    package(tmp_path, OURS.format("checkout"))
    done = run_set_up(tmp_path / "notebooks" / "deep")
    assert (done.stdout, done.stderr) == ("checkout\n", "")


def test_set_up_takes_an_installed_package_with_the_marker(tmp_path):
    installed = package(tmp_path / "site", OURS.format("installed"))
    done = run_set_up(tmp_path / "elsewhere", on_path=installed)
    assert (done.stdout, done.stderr) == ("installed\n", "")


def test_set_up_prefers_the_checkout_and_passes_by_a_foreign_package(tmp_path):
    foreign = package(tmp_path / "site", FOREIGN)
    package(tmp_path / "checkout", OURS.format("checkout"))
    done = run_set_up(tmp_path / "checkout" / "notebooks", on_path=foreign)
    assert (done.stdout, done.stderr) == ("checkout\n", "")


def test_set_up_forgets_a_foreign_package_already_imported(tmp_path):
    foreign = package(tmp_path / "site", "import sys\n")
    package(tmp_path / "checkout", OURS.format("checkout"))
    inside = tmp_path / "checkout" / "notebooks"
    done = run_set_up(inside, on_path=foreign, before="import nclib")
    assert (done.stdout, done.stderr) == ("checkout\n", "")


def test_set_up_looks_behind_a_foreign_package(tmp_path):
    foreign = package(tmp_path / "first", FOREIGN)
    ours = package(tmp_path / "second", OURS.format("second"))
    both = os.pathsep.join(map(str, (foreign, ours)))
    done = run_set_up(tmp_path / "elsewhere", on_path=both)
    assert (done.stdout, done.stderr) == ("second\n", "")


@pytest.mark.parametrize("foreign", [False, True])
def test_set_up_says_what_to_do_when_there_is_nothing(tmp_path, foreign):
    site = package(tmp_path / "site", FOREIGN) if foreign else None
    done = run_set_up(tmp_path / "elsewhere", on_path=site)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ModuleNotFoundError: Neural Collapse Lab's nclib is neither")
    assert "portable copy" in last


def test_set_up_twice_changes_nothing_more(tmp_path):
    package(tmp_path, OURS.format("checkout"))
    cell = SET_UP.read_text(encoding="utf-8").replace("@ARCHIVE@", "")
    again = (
        f"import nclib\nfirst, before = nclib, list(sys.path)\nexec({cell!r})\nimport nclib\n"
        "print(nclib is first, sys.path == before)"
    )
    assert run_set_up(tmp_path / "notebooks", again).stdout == "True True\n"


def wheel(folder: Path) -> Path:
    """A wheel of a stand-in for the library, so that pip needs neither network nor build."""
    path = folder / "nclib_neural_collapse-1.0-py3-none-any.whl"
    info = "nclib_neural_collapse-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("nclib/__init__.py", OURS.format("archive"))
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: nclib-neural-collapse\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def test_set_up_installs_the_archive_beside_a_foreign_package(tmp_path):
    foreign = package(tmp_path / "site", FOREIGN)
    made = wheel(tmp_path).as_uri()
    done = run_set_up(tmp_path / "elsewhere", archive=made, on_path=foreign)
    assert done.stdout == "archive\n", done.stderr
    assert (foreign / "nclib" / "__init__.py").read_text() == FOREIGN


def test_set_up_says_what_to_do_when_the_archive_cannot_be_had(tmp_path):
    missing = (tmp_path / "missing-1.0-py3-none-any.whl").as_uri()
    done = run_set_up(tmp_path / "elsewhere", archive=missing)
    assert done.returncode != 0
    assert "portable copy" in done.stderr.strip().splitlines()[-1]


# --- the real notebooks


@pytest.mark.parametrize("source", sources([]), ids=lambda path: path.stem)
def test_notebook_is_stamped_and_lint_clean(source):
    assert stamp.stale(source, read_address()) == [], "run: python tools/nb.py stamp"
    assert [str(finding) for finding in lint.lint(source)] == []


@pytest.mark.parametrize("source", sources([]), ids=lambda path: path.stem)
def test_committed_notebook_has_no_outputs(source):
    made = json.loads(source.with_suffix(".ipynb").read_text(encoding="utf-8"))
    assert not any(cell.get("outputs") for cell in made["cells"])
    assert "widgets" not in made["metadata"]
