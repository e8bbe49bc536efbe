"""Every kind of picture that the library makes, twice, of different data: small and quick."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from pkgutil import walk_packages
from typing import NamedTuple

import pandas as pd
import torch
from layer_tables import falling, law_rows, run_of
from made import collapsing_run

import nclib
from nclib import ClassStatistics, Trajectory, simplex_etf
from nclib.formulas import central_path, descent
from nclib.formulas.deep_ufm import DeepUFM, threshold
from nclib.formulas.ufm import UFM
from nclib.lessons.decomposition import pictures as mse
from nclib.lessons.decomposition import sliders as moved
from nclib.lessons.deep import grams, maps, starts
from nclib.lessons.deep import pictures as deep
from nclib.lessons.layers import fronts, heads, law, story
from nclib.lessons.layers import pictures as layers
from nclib.lessons.measuring.pictures import what_it_takes
from nclib.lessons.path import pictures as path
from nclib.lessons.simplex import noisy, shapes, twist
from nclib.lessons.simplex.responses import response_bars
from nclib.lessons.unconstrained import decay, margin, sliders
from nclib.lessons.unconstrained import pictures as free
from nclib.lessons.yours import pictures as yours
from nclib.pictures import comparisons as several
from nclib.pictures import panels as one
from nclib.pictures.picture import Picture
from nclib.pictures.plane import feature_plane, moving_plane, plane_with_curve
from nclib.pictures.scene import Geometry, moving_scene, view_of
from nclib.runs import grid, presets

Maker = Callable[[int], Picture]  # of 0 and of 1
LAW = {"num_classes": 4, "per_class": 5}
# no pictures of their own: a picture once more, sliders over any picture, what makes one kept
APART = {"Picture.finished", "explore", "kept"}


class Made(NamedTuple):
    """The second picture, and the words of both (a kept picture is the same one twice)."""

    picture: Picture
    alts: tuple[str, str]


def makers_in_the_library() -> set[str]:
    """Public functions and methods of nclib that promise a picture, kept or not, by their name."""
    found = set()
    for info in walk_packages(nclib.__path__, "nclib."):
        for thing in _defined_in(import_module(info.name)):
            returns = str(thing.__annotations__.get("return", ""))
            promised = any(word in returns for word in ("Picture", "Kept", "Figure", "Explorer"))
            if promised and not thing.__name__.startswith("_"):
                found.add(thing.__qualname__)
    return found - APART


def _defined_in(module: object) -> Iterator:
    own = [
        one for one in vars(module).values() if getattr(one, "__module__", "") == module.__name__
    ]
    yield from filter(inspect.isfunction, own)
    for kind in filter(inspect.isclass, own):
        yield from filter(inspect.isfunction, vars(kind).values())


def make_all() -> dict[str, Made]:
    """Each kind of picture by its maker's qualified name."""
    made = {}
    makers = _of_runs() | _of_terms() | _of_paths() | _of_fits() | _of_depth() | _of_any_network()
    makers |= _of_shapes() | _of_noise_and_knobs() | _of_layers()
    for name, maker in makers.items():
        alts = (maker(0).alt, (picture := maker(1)).alt)
        made[name] = Made(picture, alts)
    return made


def _trained(seed: int, loss: str) -> Trajectory:
    """In the plane, until soon after zero error."""
    data = nclib.load_data("digits", classes=[0, 1, 2])
    plane = {"num_features": 2, "linear_features": True}
    network = nclib.build_network("mlp", data, width=16, seed=seed, **plane)
    settings = presets.quick("mlp", loss) | {"epochs": 10, "batch_size": 32, "progress": False}
    return Trajectory.of(nclib.train(network, data, **settings))


def _of_runs() -> dict[str, Maker]:
    names = {"cross_entropy": "cross-entropy", "squared_error": "squared error"}
    runs = [[_trained(seed, loss) for loss in names] for seed in (0, 1)]
    ten = collapsing_run(per_class=5, num_epochs=3)
    points, scene = ten.coordinates(), moving_scene(ten.class_names, 100)
    view = view_of(points.class_means[-1], 16)

    def seen(i: int) -> Picture:
        moment = (points.features[i], points.class_means[i], points.weight[i])
        return scene(Geometry(ten.labels, *moment), view, ten.metrics[: i + 1])

    plane, curve = moving_plane(runs[0][0]), plane_with_curve(runs[0][0])
    cells = grid.load_grid().query("epochs == @grid.EPOCHS")
    needed = what_it_takes(cells)
    return {
        "collapse_panels": lambda i: one.collapse_panels(
            dict(zip(names.values(), runs[i], strict=True))
        ),
        "feature_plane": lambda i: feature_plane(runs[i][0]),
        "moving_plane": plane,
        "plane_with_curve": lambda i: curve(runs[i][0]),
        "cosine_matrices": lambda i: one.cosine_matrices(runs[i][0]),
        "small_multiples": lambda i: several.small_multiples(runs[i]),
        "accuracy_after_zero_error": lambda i: several.accuracy_after_zero_error(runs[i]),
        "terms_over_time": lambda i: mse.terms_over_time(10)(runs[i][1]),
        "perpendicular_shares": lambda i: mse.perpendicular_shares(runs[i][1:]),
        "shares_by_name": lambda i: mse.shares_by_name({"one": runs[i][1]}),
        "run_test": lambda i: path.run_test(runs[i][1]),
        "moving_scene": seen,
        "what_it_takes": lambda i: needed(["with", "without"][i], grid.DECAYS[i], grid.RATES[i]),
    }


def _of_terms() -> dict[str, Maker]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(3).repeat_interleave(10)
    noise = torch.randn(30, 4, generator=generator, dtype=torch.float64)
    stats = ClassStatistics.from_features(2 * simplex_etf(3, 4)[labels] + noise, labels)
    away = moved.away_from_best(stats, {"any": torch.ones(3, 5, dtype=torch.float64)})
    felt = moved.noise_and_shape(moved.Triangle(per_class=10))
    return {
        "away_from_best": lambda i: away("any", 0.1 + i / 5),
        "noise_and_shape": lambda i: felt(0.2, i / 2, 0.0),
    }


def _of_paths() -> dict[str, Maker]:
    start = torch.tensor([3.0, 1.0, 0.5], dtype=torch.float64)
    times = torch.tensor([0.0, 1.0, 10.0, 1000.0], dtype=torch.float64)
    omega = [central_path.flow(start, times, kind=kind, **LAW) for kind in path.KINDS]
    landscape, spectrum = path.landscape(per_class=5), path.spectrum()

    def errors(i: int) -> dict:
        return {"projected": {"projected": [0.2 + i, 0.1], "rescaled": [0.5, 0.5]}}

    return {
        "landscape": lambda i: landscape(i, "projected"),
        "spectrum": lambda i: spectrum(4, 5, 4.0 + i, 100),
        "step_errors": lambda i: path.step_errors(errors(i), [2.0, 1.0]),
        "shape_test": lambda i: path.shape_test(times, omega[i], **LAW),
    }


def _fit(loss: str, decay: float, **options: object) -> UFM:
    decays = {"weight_decay": decay, "feature_decay": decay, "bias_decay": 0.0, **options}
    model = UFM(3, 2, 3, loss=loss, **decays)
    descent.minimise(model, tolerance=1e-6)
    return model


def _ended(size: float) -> decay.End:
    """A network of notebook 06, section 3, that was never trained."""
    rows = torch.tensor([[size, size / 2], [1.0, size], [size, 1.0]])
    return decay.End(None, *rows, torch.ones(3))


def _of_fits() -> dict[str, Maker]:
    names = {"cross_entropy": "cross-entropy", "squared_error": "squared error"}
    fits = [[_fit(loss, 0.04 + 0.02 * i) for loss in names] for i in (0, 1)]
    bent = [_fit("squared_error", 0.05, bias_decay=0.1 + i) for i in (0, 1)]
    crossing = sliders.threshold_picture()
    umbrella = sliders.umbrella_picture(weight_decay=0.05, feature_decay=0.05, per_class=2)
    before = {names["squared_error"]: [UFM(3, 2, 3, loss="squared_error", weight_decay=0.05,
                                           feature_decay=0.05)]}  # fmt: skip
    simplex, walk = simplex_etf(3, 2), {"steps": 50, "learning_rate": 0.1}
    start = torch.randn(3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def walked(i: int) -> dict:
        make = margin.descend_without_decay
        ways = {"plain": False, "normalised": True}
        return {name: make(start + i, simplex, torch.arange(3), **walk, normalised=way)
                for name, way in ways.items()}  # fmt: skip

    return {
        "threshold_picture": lambda i: crossing(*fits[i]),
        "umbrella_picture": lambda i: umbrella(bent[i]),
        "losses_and_cosines": lambda i: free.losses_and_cosines(
            before, {names["squared_error"]: [bent[i]]}
        ),
        "scatter_and_duality": lambda i: free.scatter_and_duality(
            {"round": ([1, 0.1], [1e-3, 1e-9 * (1 + i)]), "other": ([1, 0.1], [0.5, 0.4])}
        ),
        "sizes_and_balance": lambda i: decay.sizes_and_balance(
            {0.1: _ended(0.7), 0.2 + i / 10: _ended(0.4)}, {0.2: _ended(0.5)}
        ),
        "margins": lambda i: free.margins(walked(i), simplex),
    }


def _collapsed(depth: int, part: float, width: int = 10) -> DeepUFM:
    """Two classes at the collapsed point; ``part`` is Λ/Λ*."""
    decay = (part * threshold(2, depth)) ** (1 / (depth + 1))
    decays = {"weight_decay": decay, "feature_decay": decay}
    return DeepUFM(2, 1, depth, width, **decays).start_collapsed()


def _of_depth() -> dict[str, Maker]:
    models = [[_collapsed(depth, part) for depth in (2, 3) for part in (0.1, 0.4 + i / 9)]
              for i in (0, 1)]  # fmt: skip
    three = [[_collapsed(3, part, width) for part in (0.1 + i / 9, 0.4) for width in (8, 10)]
             for i in (0, 1)]  # fmt: skip
    crossing = deep.threshold_crossing(models[1], models[1][:1])

    def shrinking() -> Iterator[int]:
        for step, scale in ((0, 1.0), (1, 0.5)):
            three[0][0].features.data.mul_(scale)
            yield step

    strip, _ = grams.layer_strip(three[0][0], shrinking())
    recorded = maps.starts_map(starts.load_starts())
    return {
        "losses_against_theory": lambda i: deep.losses_against_theory(models[i]),
        "threshold_crossing": lambda i: crossing(3, 0.5 + i),
        "merging": lambda i: deep.merging(three[0][: 2 + i], "two classes"),
        "below_collapse": lambda i: deep.below_collapse({"two classes": three[i]}, {}),
        "least_rank": lambda i: deep.least_rank(three[0][: 2 + 2 * i : 2]),
        "starts_map": lambda i: recorded(*((3, 0.28), (4, 0.4))[i]),
        "layer_strip": strip,
        "layer_grams": lambda i: grams.layer_grams({"two classes": three[i][0]}),
    }


def _of_any_network() -> dict[str, Maker]:
    generator, labels = torch.Generator().manual_seed(0), torch.arange(60) % 3
    features = {f"in:layer.{i}": torch.randn(60, 4, generator=generator) for i in (0, 1)}
    asked = {"which?": yours.Answers(labels, ["a", "b", "c"])}
    asked["odd?"] = yours.Answers(labels % 2, ["no", "yes"])
    slider = yours.layer_slider(features, asked)
    off = pd.DataFrame({"NC1": [3.0, 0.5], "NC3": [1.0, 1.2]}, index=["one", "other"])
    return {
        "layer_slider": lambda i: slider([*features][i], [*asked][i]),
        "mistakes": lambda i: yours.mistakes(off * (1 + i)),
    }


def _of_shapes() -> dict[str, Maker]:
    grams, margins, cube = (
        shapes.gram_matrices(),
        shapes.margin_by_dimension(),
        twist.twisted_cube(),
    )
    tables = [shapes.margins_by_dimension(c, (2, 3, 4), frames=20) for c in (4, 5)]
    return {
        "gram_matrices": lambda i: grams(4 + i, 10),
        "margin_by_dimension": lambda i: margins(4 + i, tables[i]),
        "twisted_cube": lambda i: cube(45 * i, 0.5),
    }


def _of_noise_and_knobs() -> dict[str, Maker]:
    sigmas = (0.5, 0.3)
    among = noisy.noise_and_frames({3: noisy.measured(3, samples=300, sigmas=sigmas)})
    bars = response_bars()
    return {
        "noise_and_frames": lambda i: among(3, sigmas[i], "simplex"),
        "response_bars": lambda i: bars(classes=10, norms_of_means=0.05 * (1 + i)),
    }


def _of_layers() -> dict[str, Maker]:
    runs = {name: run_of(falling(ratio)) for name, ratio in (("one", 0.5), ("other", 0.1))}
    images, labels = torch.rand(60, 1, 8, 8), torch.arange(60) % 10
    names, reports = dict.fromkeys(runs, heads.DeepHead(1).layer_names), {}
    for seed, name in enumerate(names):
        of = heads.DeepHead(1, seed=seed), (images, labels)
        reports[name] = nclib.measure(*of, layers=True, progress=False)
    maps, deep = layers.heat_maps(runs), layers.deep_collapse(reports, names)
    front, rule = fronts.front_slider(runs), law.law_slider(law_rows())
    told = story.stories({"mean": {"a": images.flatten(1)[:, :5]}}, labels, [3], draws=1)
    tell, splits = story.story_slider(told), ("train", "test")
    return {
        "heat_maps": lambda i: maps("one", splits[i]),
        "heat_map": lambda i: layers.heat_map(runs["other"], "other")(splits[i]),
        "deep_collapse": lambda i: deep([*names][i]),
        "layers_of_head": lambda i: layers.layers_of_head(
            [*reports.values()][i], names["one"], "head"
        ),
        "front_slider": lambda i: front([*runs][i], 0.1),
        "law_slider": lambda i: rule("3 layers", ["with", "without"][i], 0.0),
        "story_slider": lambda i: tell("mean", ("3 drawn", "the first 3")[i], "true"),
    }
