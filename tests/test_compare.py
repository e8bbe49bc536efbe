"""The comparison of two executed notebooks sees every kind of change."""

from __future__ import annotations

import base64
import copy
import json

import compare
import nbformat
import pytest

PNG = base64.b64encode(b"\x89PNG one").decode()
RUN = {"labels": "AA", "features": "BB", "feature_scale": [1], "means": "CC", "weights": "DD"}
RUN["metrics"] = {"nc1": [0.5]}


def executed():
    v4 = nbformat.v4
    table = "<table><tr><th>nc1</th><td>0.25</td></tr></table>"
    out = [v4.new_output("display_data", data={"image/png": PNG, "text/plain": "at 0x7f"})]
    out.append(v4.new_output("display_data", data={"text/html": table}))
    said = [v4.new_output("stream", text="NC1 1.5e-3 at epoch 7\n")]
    check = v4.new_code_cell(metadata={"tags": ["self-check"]}, outputs=copy.deepcopy(said))
    made = v4.new_notebook(cells=[v4.new_code_cell(outputs=out + said), check])
    image = {"state": {}, "buffers": [{"data": base64.b64encode(b"\x89PNG two").decode()}]}
    player = {"state": {"payload": json.dumps({"runs": [RUN]})}}
    made.metadata["widgets"] = {compare.WIDGETS: {"state": {"a": image, "b": player}}}
    return made


def other_png(made):
    made.cells[0].outputs[0].data["image/png"] = base64.b64encode(b"\x89PNG three").decode()


def other_widget(made):
    state = made.metadata["widgets"][compare.WIDGETS]["state"]
    state["a"]["buffers"][0]["data"] = base64.b64encode(b"\x89PNG three").decode()


def other_run(made):
    state = made.metadata["widgets"][compare.WIDGETS]["state"]
    state["b"]["state"]["payload"] = json.dumps({"runs": [RUN | {"means": "CE"}]})


def other_text(made):
    made.cells[0].outputs[2].text = "NC1 1.6e-3 at epoch 7\n"


def other_table(made):
    made.cells[0].outputs[1].data["text/html"] = "<table><tr><td>0.26</td></tr></table>"


def less(made):
    del made.cells[0].outputs[2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (other_png, "1 of 2 pictures gone, 1 new"),
        (other_widget, "1 of 2 pictures gone, 1 new"),
        (other_run, "other recorded arrays in a player"),
        (other_text, "1 numbers moved, the first from 0.0015 to 0.0016"),
        (other_table, "1 numbers moved, the first from 0.25 to 0.26"),
        (less, "3 numbers moved, the first from 0.0015 to 0.25"),
    ],
)
def test_a_change_is_seen(change, said):
    changed = executed()
    change(changed)
    assert said in list(compare.differences(executed(), changed))


def test_words_of_self_checks_and_addresses_may_change():
    changed = executed()
    changed.cells[0].outputs[0].data["text/plain"] = "at 0x8a"
    changed.cells[1].outputs[0].text = "checked: NC1 = 0.3\n"
    assert list(compare.differences(executed(), changed)) == []
