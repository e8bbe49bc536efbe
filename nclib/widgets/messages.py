"""What widgets say: errors that stand in the page, words for those who do not see the picture."""

from __future__ import annotations

import base64
import html

from nclib.picture import Picture


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
