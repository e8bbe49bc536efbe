"""A saved player, cut off from the network; the notebooks' pages are in ``test_site.py``."""

from __future__ import annotations

from functools import partial

import pytest
from lab import frames, page_faults, shoot, sliders, work
from made import collapsing_run

from nclib.player.player import CollapsePlayer

pytestmark = pytest.mark.browser


def test_the_saved_player(watch, tmp_path, screenshots):
    """In both themes and widths; what it does is tested in ``test_player_page.py``."""
    watched = watch(1300, 1400, offline=True)
    page = watched.page
    page.goto(CollapsePlayer(collapsing_run()).save_html(tmp_path / "p.html").as_uri())
    schemes = {name: partial(page.emulate_media, color_scheme=name) for name in ("dark", "light")}
    shoot(page, [page.locator(".nc-player")], "page_player", screenshots, schemes)
    (slider,) = sliders(page)
    work(slider, partial(frames, page))
    assert slider.seen == 10  # a new one whenever it was looked at
    assert page_faults(watched) == []
