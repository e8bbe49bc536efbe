"""The controls of live training: menus, sliders and fields, buttons, message, picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

import ipywidgets

from nclib.checks import check_flags, plain_number
from nclib.formulas.losses import LOSSES
from nclib.pictures.picture import Picture
from nclib.texts import text_of
from nclib.widgets import messages
from nclib.widgets.sliders import words_of

Act = Callable[[], None]
RECIPES = {  # loss: learning rate and weight decay that collapse ten digits in 100 epochs
    "cross_entropy": (0.1, 1e-2),
    "squared_error": (0.5, 2e-3),
    "label_smoothing": (0.1, 1e-2),
    "focal": (0.1, 1e-2),
}
MENUS = {"network": ("mlp", "convnet", "resnet18"), "loss": tuple(LOSSES)}
SLIDERS = {
    "learning_rate": (0.001, 0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 3.0, 10.0),
    "weight_decay": (0.0, 1e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2),
    "label_noise": (0.0, 0.05, 0.1, 0.2, 0.3, 0.5),
    "imbalance": (1, 2, 5, 10, 20, 50, 100),
}
FIELDS = {"epochs": 100, "num_features": 64, "seed": 0}
WORDS = {
    "num_features": "features p",
    "linear_features": "linear features",
    "imbalance": "imbalance ratio",
}
ORDER = ("data", "network", "loss", "epochs", "learning_rate", "weight_decay", "num_features")
ORDER += ("linear_features", "label_noise", "imbalance", "seed")
ALWAYS = ("learning_rate", "weight_decay")  # told of a run
SELDOM = {"linear_features": False, "label_noise": 0.0, "imbalance": 1, "seed": 0}


class Controls:
    """What a person turns, and where they look.

    Args:
        sets: names of the data sets in the menu.
        start: values to begin with, by control.
        changed: called when a control is let go at a new value.
        buttons: functions by the text of their button.

    Attributes:
        box: all of it, as one ipywidget.
        picture: the ``Picture`` last shown.
        by_name: the ipywidgets controls.
    """

    def __init__(
        self, sets: Sequence[str], start: dict[str, Any], changed: Act, buttons: dict[str, Act]
    ) -> None:
        self.by_name = {name: _control(name, sets, start) for name in ORDER}
        self.picture: Picture | None = None
        self.buttons = {text: _button(text, act) for text, act in buttons.items()}
        self._message = ipywidgets.HTML()
        self._image = ipywidgets.Image(layout=messages.AS_IT_IS)
        self._unseen = ipywidgets.HTML()
        self._stage = ipywidgets.VBox([self._image])
        grid = ipywidgets.GridBox(list(self.by_name.values()), layout=_GRID)
        row = ipywidgets.HBox([*self.buttons.values(), self._message], layout=_ROW)
        self.box = ipywidgets.VBox([grid, row, self._unseen, self._stage])
        self._set_by_us = False
        self._changed = changed
        for name, control in self.by_name.items():
            control.observe(self._follow_loss if name == "loss" else self._tell, "value")

    def values(self) -> dict[str, Any]:
        """The controls' values by name."""
        return {name: control.value for name, control in self.by_name.items()}

    def differing(self, values: dict[str, Any]) -> str:
        """Those of ``values`` that a control no longer has: "learning rate 0.1 (now 0.05)"."""
        now = self.values()
        differ = [name for name, value in values.items() if now[name] != value]
        return ", ".join(f"{_said(one, values[one])} (now {text_of(now[one])})" for one in differ)

    def in_words(self, values: dict[str, Any]) -> str:
        """Rate, decay, and what is not as it usually is."""
        told = [n for n in ORDER if n in ALWAYS or (n in SELDOM and values[n] != SELDOM[n])]
        return " · ".join(_said(name, values[name]) for name in told)

    def _tell(self, _: Any) -> None:
        if not self._set_by_us:
            self._changed()

    def _follow_loss(self, change: Any) -> None:
        """Another loss wants another rate and decay; what somebody chose stays."""
        fields = [self.by_name[name] for name in ("learning_rate", "weight_decay")]
        if tuple(field.value for field in fields) == RECIPES[change["old"]]:
            self._set_by_us = True
            for field, value in zip(fields, RECIPES[change["new"]], strict=True):
                field.value = value
            self._set_by_us = False
        self._tell(change)

    def say(self, text: str, *, error: bool = False) -> None:
        """A line beside the buttons; an error in red."""
        self._message.value = messages.alert(text) if error else messages.status(text)

    def show(self, picture: Picture, *, described: bool = False) -> None:
        """The picture, in place of what was there; ``described`` reads its words out, too."""
        self.picture, self._image.value = picture, picture.png()
        if described:
            self._unseen.value = messages.unseen(picture.alt)
        self._image.layout.display = None
        for widget in self._stage.children[1:]:
            widget.layout.display = "none"

    def show_instead(self, widget: Any) -> None:
        """A widget in the picture's place, until the next picture."""
        if widget not in self._stage.children:
            self._stage.children = (self._image, widget)
        widget.layout.display, self._image.layout.display = None, "none"


def _control(name: str, sets: Sequence[str], start: dict[str, Any]) -> Any:
    """The ipywidget of one control, at its first value."""
    words = WORDS.get(name, words_of(name))
    options = {"description": words, "style": _STYLE, "layout": {"width": "auto"}}
    menus = {"data": sets, **MENUS}
    if name in menus:
        choices = [(one.replace("_", " "), one) for one in menus[name]]
        value = start.get(name, choices[0][1])
        if value not in menus[name]:
            raise ValueError(f"{name} is {value!r}; choose from {', '.join(menus[name])}")
        return ipywidgets.Dropdown(options=choices, value=value, **options)
    if name in SLIDERS:
        rate, decay = RECIPES[start.get("loss", "cross_entropy")]
        usual = {"learning_rate": rate, "weight_decay": decay}.get(name, SLIDERS[name][0])
        value = plain_number(name, start.get(name, usual))
        values = sorted({*SLIDERS[name], value})  # a value between the steps becomes one
        options |= {"options": [(f"{one:g}", one) for one in values], "continuous_update": False}
        return ipywidgets.SelectionSlider(value=value, **options)
    if name in FIELDS:
        value = plain_number(name, start.get(name, FIELDS[name]), Integral)
        return ipywidgets.IntText(value=value, continuous_update=False, **options)
    check_flags(**{name: start.get(name, False)})
    return ipywidgets.Checkbox(value=bool(start.get(name, False)), **options)


def _said(name: str, value: Any) -> str:
    """A control and a value, as they are read."""
    return f"{WORDS.get(name, words_of(name))} {text_of(value)}"


_STYLE = {"description_width": "104px"}
_COLUMNS = "repeat(auto-fill, minmax(max(270px, 30%), 1fr))"
_GRID = {"grid_template_columns": _COLUMNS, "grid_gap": "0 16px", "padding": "0 8px 0 0"}
_ROW = {"flex_flow": "row wrap", "align_items": "center"}


def _button(text: str, act: Act) -> Any:
    main = "primary" if text == "Train" else "danger" if text == "Stop" else ""
    button = ipywidgets.Button(description=text, button_style=main, layout={"width": "auto"})
    button.on_click(lambda _: act())
    return button
