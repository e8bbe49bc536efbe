"""Running notebooks finds every fault: cells that raise, run only once, hang, or hide an error.

The notebooks themselves are run by nbmake (``pytest --nbmake notebooks``), in JupyterLab
(``browser/test_notebooks_in_lab.py``) and for their pages (``browser/test_site.py``); portable and
students' copies in ``test_copies.py`` and ``test_hosts.py``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from execute import CellFailed, hidden_errors, run_all, unexecuted
from stamp import notebook

KERNEL = {
    "NCLIB_PROFILE": "ci",
    "OMP_NUM_THREADS": "1",
    "PYTHONWARNINGS": "error::RuntimeWarning,error::FutureWarning",
}


def run(tmp_path, *cells: str, times=1):
    text = "\n\n".join(f"# %%\n{cell}" for cell in cells) + "\n"
    return run_all(notebook(text), tmp_path, times=times, timeout=60, **KERNEL)


def test_a_clean_notebook_has_nothing_to_hide(tmp_path):
    cells = (
        "import os\nassert os.environ['NCLIB_PROFILE'] == 'ci'",
        "import ipywidgets\nipywidgets.interact(lambda x: print(x), x=(0, 3))",
        "from IPython.display import HTML\nHTML('<p role=\"alert\"></p><p>role=alert</p>')",
    )
    executed = run(tmp_path, *cells, times=2)
    assert unexecuted(executed) == []
    assert hidden_errors(executed) == []
    assert [cell.execution_count for cell in executed.cells] == [4, 5, 6]


def test_a_cell_that_runs_only_once_is_noticed(tmp_path):
    cells = ("values = globals().get('values', [])", "values.append(1)\nassert len(values) == 1")
    run(tmp_path, *cells)
    with pytest.raises(CellFailed, match="cell 1 raised"):
        run(tmp_path, *cells, times=2)


def test_warnings_of_numbers_are_errors_in_kernels(tmp_path):
    with pytest.raises(CellFailed, match="RuntimeWarning"):
        run(tmp_path, "import numpy\nnumpy.log(numpy.zeros(1))")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            "import ipywidgets as w\nw.interact(lambda x: 1 / x, x=w.IntSlider(0))",
            "ZeroDivisionError: division by zero",
        ),
        (
            "import ipywidgets\nout = ipywidgets.Output()\nwith out:\n    1 / 0\nout",
            "ZeroDivisionError: division by zero",
        ),
        (
            "import threading\n(t := threading.Thread(target=lambda: 1 / 0)).start()\nt.join()",
            "ZeroDivisionError",
        ),
        (
            "import ipywidgets\nipywidgets.HTML('<pre role=\"alert\">ValueError: no</pre>')",
            "ValueError: no",
        ),
        (
            "from IPython.display import HTML\nHTML('<div role=\"alert\"><b>it failed</b></div>')",
            "it failed",
        ),
    ],
    ids=["interact", "Output", "thread", "widget", "page"],
)
def test_a_hidden_error_is_found(tmp_path, code, words):
    found = hidden_errors(run(tmp_path, code))
    assert any(words in one for one in found), found


def test_a_cell_left_out_is_found():
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")])
    assert unexecuted(made) == [0]


def test_a_cell_that_hangs_is_named(tmp_path):
    text = "# %%\nimport time\n\n# %%\ntime.sleep(60)\n"
    with pytest.raises(CellFailed, match=r"cell 1: .*(?s:.*)time.sleep\(60\)"):
        run_all(notebook(text), tmp_path, timeout=1)
