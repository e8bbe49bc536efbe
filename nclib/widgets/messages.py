"""What widgets show and say: their view, errors, words for those who do not see the picture."""

from __future__ import annotations

import base64
import html
from typing import Any

from nclib.pictures.picture import Picture

AS_IT_IS = {"max_width": "100%", "align_self": "flex-start"}  # layout: a box would stretch it


def view(widget: Any) -> dict[str, Any]:
    """The output data that shows an ipywidget, of version 8 or 7 (which has no bundle to give)."""
    if not hasattr(widget, "_repr_mimebundle_"):
        model = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
        return {"application/vnd.jupyter.widget-view+json": model}
    bundle = widget._repr_mimebundle_()
    return bundle[0] if isinstance(bundle, tuple) else bundle


def alert(text: str) -> str:
    """An error, in red and announced at once."""
    return f'<pre role="alert" style="color:#b00020;white-space:pre-wrap">{html.escape(text)}</pre>'


def status(text: str) -> str:
    """A line that is seen, and announced when it changes."""
    return f'<span role="status">{html.escape(text)}</span>'


def unseen(text: str) -> str:
    """Read out by a screen reader when it changes, not seen."""
    hidden = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)"
    return f'<span role="status" style="{hidden}">{html.escape(text)}</span>'


def without_kernel(picture: Picture) -> str:
    """A picture of controls on a page that no kernel answers."""
    source = base64.b64encode(picture.png()).decode()
    return (
        f'<img alt="{html.escape(picture.alt)}" src="data:image/png;base64,{source}">'
        "<p><em>The controls train a network: open the notebook to use them.</em></p>"
    )
