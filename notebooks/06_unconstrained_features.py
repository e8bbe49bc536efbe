# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] tags=["nc-badges"]
# # Why it happens: unconstrained features
#
# <!-- badges: written by tools/nb.py stamp -->
# *To run it: open it in JupyterLab, Notebook, VS Code or a hosted notebook service;
# the set-up cell finds the library.*
# <!-- /badges -->
#
# Throw the network away. Keep the last layer, and let the features of every sample move wherever the loss pulls them. What remains is a problem small enough to be solved with pencil and paper, and its solution *is* neural collapse: same simplex, same self-duality, whatever the loss.

# %% [markdown]
# | | |
# | --- | --- |
# | **You will be able to** | *derive* what the decays leave of the features, and where they leave nothing · *compare* a fitted minimum with its closed form · *bend* the simplex into an orthogonal frame · *say* why NC3 and NC4 follow from NC1 and NC2, and when they do not · *explain* what a classifier does without decay |
# | **Needs** | notebook 00; the singular value decomposition; no GPU |
# | **Time** | fifteen minutes to read, thirty-five with the exercises; the cells take about 20 seconds on two CPU cores |
# | **Data** | none: nothing is downloaded, and there are no images |
# | **Paper** | Zhu et al. 2021, [*A geometric analysis of neural collapse with unconstrained features*](https://arxiv.org/abs/2105.02375); Tirer & Bruna 2022 and Zhou et al. 2022 for squared error; Webb & Lowe 1990; Soudry et al. 2018 |

# %% tags=["nc-setup"]
# @title Set-up: find or install `nclib` (run this cell first)
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path


def is_ours(folder):  # another package on the index is called nclib, too
    init = Path(folder, "nclib", "__init__.py")
    return init.is_file() and 'SUITE = "neural-collapse"' in init.read_text(encoding="utf-8")


archive = ""  # where pip gets the library; empty while it is not published
spec = importlib.util.find_spec("nclib")
found = Path(spec.origin).parents[1] if spec and spec.origin else None
home = next(filter(is_ours, [Path.cwd(), *Path.cwd().parents, found or "", *sys.path]), None)
if home is None and archive:
    home = tempfile.mkdtemp(prefix="nclib-")
    pip = "-m pip install --quiet --no-deps --no-user --target".split()
    subprocess.run([sys.executable, *pip, home, archive], check=False)
if home is None or not is_ours(home):
    raise ModuleNotFoundError(
        "Neural Collapse Lab's nclib is neither beside this notebook nor installed. Open the "
        "notebook inside a checkout, or take its portable copy, which carries the library."
    )
if Path(home) != found:  # put ours first, and forget another package of that name
    sys.path.insert(0, str(home))
    for name in [name for name in sys.modules if name.split(".")[0] == "nclib"]:
        del sys.modules[name]

# %%
import itertools
import math

import torch

import nclib
from nclib import runtime, simplex_etf
from nclib.formulas import descent, margin, ufm
from nclib.formulas.mse import least_squares_classifier
from nclib.formulas.synthetic import simplex_with_scatter
from nclib.lessons.unconstrained import checks, pictures
from nclib.runs.free_features import descend
from nclib.widgets.explore import explore

print(runtime.start())

# %% tags=["parameters"]
seed = 0  # of the starts
steps_free = 500  # of gradient descent in section 1; 0.3 s for each loss
decays = runtime.choose(ci=[0.05, 0.16, 0.28], laptop=[0.05, 0.12, 0.22, 0.28])  # section 2
bias_decays = [0.001, 0.03, 0.08, 0.12, 0.15, 0.2, 0.3, 1.0, 10.0]  # section 4
steps_margin = runtime.choose(ci=10_000, laptop=30_000)  # section 7; 1 s for 10,000

# %% [markdown]
# ## 1. Features that are free
#
# **Question.** A deep network can send its training images nearly anywhere. If it could send them *exactly* anywhere, where would they go?
#
# So let the features $h_i$ be parameters themselves, a row of $H$ for each of $n$ samples of $C$ classes ($N = Cn$), and train them together with the classifier, with a decay on each:
#
# $$\min_{W,\,H,\,b}\; \mathcal{L}\left(HW^\top + \mathbf 1 b^\top\right) + \tfrac{\lambda_W}{2} \lVert W \rVert^2 + \tfrac{\lambda_H}{2} \lVert H \rVert^2 + \tfrac{\lambda_b}{2} \lVert b \rVert^2$$
#
# where $\mathcal L$ is the mean cross-entropy, or the squared error $\frac{1}{2N} \sum_i \lVert z_i - e_{y_i} \rVert^2$ of the logits $z_i$. This is the **unconstrained features model**. Why a decay on features, when networks only decay weights? It stands for all the layers that were thrown away: large features need large weights.
#
# **Predict.** Sixty points of four classes start at random in three dimensions. They will **(a)** stay mixed, for nothing ties the points of a class together; **(b)** form clouds, one for each class; **(c)** fall onto four points, the corners of a tetrahedron.

# %%
runs, free = {}, {}
for loss in ("cross_entropy", "squared_error"):
    decay = dict(weight_decay=1e-2, feature_decay=1e-2 / 15, bias_decay=0.0)
    free[loss] = ufm.UFM(4, 15, 3, loss=loss, **decay, seed=seed)
    steps = descend(free[loss], steps=steps_free, learning_rate=1)
    runs[loss] = nclib.Trajectory.of(steps)
runs["cross_entropy"].player(runs["squared_error"])

# %% [markdown]
# The clock counts steps of gradient descent. Three dimensions are just enough for four classes, so the picture leaves nothing out.
#
# **What we saw.** Answer (c), under both losses, and the classifier (square-ended sticks) joins in. Each point was moved on its own; what brings a class together is that all its points want the same thing from the same $W$.
#
# **What it does not show.** That real features are free. The model says where a network goes that can do anything, and nothing about images it has not seen: there are none.

# %% tags=["self-check"]
for loss, run in runs.items():
    last, best = run.metrics.iloc[-1], ufm.minimum_of(free[loss])
    assert last.nc1 < 1e-5, f"{loss}: NC1 ends at {last.nc1}"
    assert last.max_angle_means < 0.01, f"{loss}: angles {last.max_angle_means} off"
    assert last.self_duality < 1e-4, f"{loss}: self-duality {last.self_duality}"
    assert last.ncc_mismatch == 0, f"{loss}: {last.ncc_mismatch} of the decisions differ"
    gap = free[loss].objective().item() - best.loss
    assert abs(gap) < 1e-5, f"{loss}: {gap} above the global minimum"
    print(f"checked: {loss}: NC1 {last.nc1:.0e} (limit 1e-5), {gap:.0e} above the minimum")

# %% [markdown]
# ## 2. The lowest point, with pencil and paper
#
# For given logits $Z = WM^\top$ of the class means, the cheapest factors cost the *nuclear norm* of $Z$, the sum of its singular values: $\frac{\lambda_W}{2} \lVert W \rVert^2 + \frac{\lambda_H}{2} \lVert H \rVert^2 \geq \theta\, \lVert Z \rVert_*$ with
#
# $$\theta = \sqrt{\lambda_W\, \lambda_H\, n}.$$
#
# In $Z$ the problem is convex, and no class is special: so at the minimum $Z = s\,(I - \frac1C \mathbf 1 \mathbf 1^\top)$, which is a simplex of some size $s$, and one number remains to be found.
#
# | | size $s$ | least objective |
# | --- | --- | --- |
# | cross-entropy | $\ln\left(\frac1\theta - (C-1)\right)$ | $\ln(1 + (C-1)e^{-s}) + (C-1)\,\theta s$ |
# | squared error, free bias | $1 - C\theta$ | $(C-1)\left(\theta - \frac C2 \theta^2\right)$ |
#
# **Predict.** Turn the decays up. The simplex will **(a)** shrink, but never vanish; **(b)** vanish at a finite decay, the same for both losses; **(c)** lose one class after the other.
#
# The fits behind the sliders are computed first (L-BFGS from random starts, some seconds); the sliders only choose among them.


# %%
def fit(loss, num_classes, per_class, num_features, **options):
    """A model of this size at the minimum that L-BFGS finds from a random start."""
    options = dict(weight_decay=0.05, feature_decay=0.02, bias_decay=0.0, seed=seed) | options
    model = ufm.UFM(num_classes, per_class, num_features, loss=loss, **options)
    descent.minimise(model, tolerance=1e-7)
    return model


choices = dict(num_classes=[3, 5], per_class=[1, 4], weight_decay=decays, feature_decay=decays)
fits = {}
for c, n, w, h in itertools.product(*choices.values()):
    fits[c, n, w, h] = [fit(loss, c, n, c, weight_decay=w, feature_decay=h) for loss in runs]
threshold = pictures.Threshold()
explore(lambda **chosen: threshold.of(*fits[tuple(chosen.values())]), **choices)

# %% [markdown]
# **What we saw.** Answer (b). $C-1$ singular values are equal, all the way down, and all of them reach zero together at $C\theta = 1$. Beyond it zero features and a zero classifier are the best there is: the classes are merged, and that is not neural collapse but the end of it. Only $\theta$ counts: swap the two decays, or take four times the samples and half of each decay, and the minimum is the same.
#
# **What it does not show.** Which $\lambda_H$ stands for a network's weight decay. The threshold in notebook 03 was of this kind, at a value of its own.


# %%
def least(loss, num_classes, theta):
    """Size s and least objective, as in the table; zero beyond the threshold."""
    if loss == "squared_error":
        x = min(theta, 1 / num_classes)
        return 1 - num_classes * x, (num_classes - 1) * (x - num_classes / 2 * x**2)
    s = math.log(max(1, 1 / theta - (num_classes - 1)))
    return s, math.log(1 + (num_classes - 1) * math.exp(-s)) + (num_classes - 1) * theta * s


# %% tags=["self-check"]
worst = 0
for (c, n, w, h), models in fits.items():
    for model in models:
        size, value = least(model.loss, c, math.sqrt(w * h * n))
        best = ufm.minimum_of(model)
        assert abs(best.loss - value) < 1e-12, f"{best.loss} in nclib, {value} by hand"
        assert abs(best.scale - size) < 1e-12, f"{best.scale} in nclib, {size} by hand"
        assert best.is_zero == (c * math.sqrt(w * h * n) >= 1), f"threshold: {c, n, w, h}"
        worst = max(worst, abs(model.objective().item() - value))
assert worst < 1e-8, f"a fit misses the closed form by {worst}"
print(f"checked: {2 * len(fits)} fits are within {worst:.0e} of the closed form (limit 1e-8)")

# %% [markdown]
# ## 3. Too few features
#
# **Predict.** The simplex of $C$ classes needs $C - 1$ dimensions. With fewer, under squared error, **(a)** the loss jumps to that of guessing; **(b)** each missing dimension costs the same; **(c)** classes are given up one by one.
#
# These fits, too, are computed first.

# %%
sizes = dict(num_classes=[3, 4, 6], num_features=[1, 2, 3, 4, 5, 6])
room = {(c, p): fit("squared_error", c, 3, p) for c, p in itertools.product(*sizes.values())}
picture = pictures.Room()
start = dict(num_classes=6, num_features=3)
explore(lambda **chosen: picture.of(room[tuple(chosen.values())]), **sizes, start=start)

# %% [markdown]
# **What we saw.** Answer (b). Every direction of $Z$ is worth the same, and $p$ of them are taken: the class means are a simplex seen in projection, and *which* projection is left to the start. From $C - 1$ on, further features change nothing.
#
# **What not to conclude.** That cross-entropy does just the same with too little room. It pays, too, as the check below says; how much is not in the table.

# %% tags=["self-check"]
for (c, p), model in room.items():
    gap = abs(model.objective().item() - ufm.minimum_of(model).loss)
    assert gap < 1e-8, f"C = {c}, p = {p}: {gap} from the closed form"
    cosines = pictures.pairs_of(model)
    flat = float((cosines + 1 / (c - 1)).abs().max())
    assert (flat < 1e-2) == (p >= c - 1), f"C = {c}, p = {p}: cosines off by {flat}"
narrow, wide = (fit("cross_entropy", 4, 3, p).objective().item() for p in (2, 3))
assert narrow > wide + 1e-3, f"cross-entropy: {narrow} with p = 2, {wide} with p = 3"
print(f"checked: {len(room)} fits (limit 1e-8); cross-entropy loses {narrow - wide:.3f} at p = C-2")

# %% [markdown]
# ## 4. Four losses, one simplex, and a frame
#
# **Predict.** Cross-entropy with smoothed labels, and the focal loss, which looks away from easy samples, lead to **(a)** simplexes of different sizes; **(b)** other figures; **(c)** no collapse. And squared error *without* a bias?

# %%
kinds = {"cross-entropy": ("cross_entropy", 0.0), "label smoothing": ("label_smoothing", 0.0)}
kinds |= {"focal": ("focal", 0.0), "squared error, free bias": ("squared_error", 0.0)}
kinds |= {"squared error, no bias": ("squared_error", None)}
small = dict(weight_decay=0.02, feature_decay=0.02)
before, after = {}, {}
for name, (loss, bias) in kinds.items():
    options = [dict(bias_decay=bias, seed=s) | small for s in range(3)]
    before[name] = [ufm.UFM(4, 2, 5, loss=loss, **option) for option in options]
    after[name] = [fit(loss, 4, 2, 5, **option) for option in options]
pictures.losses_and_cosines(before, after)

# %% [markdown]
# **What we saw.** Answer (a): the losses choose the size, symmetry the shape (Zhou et al. 2022). The exception is squared error without bias, where the means are **orthogonal** (Tirer & Bruna 2022). Somebody has to produce the mean target $\frac1C$ of every output: the bias, or a further direction shared by all classes. Seen from their own centre, orthogonal means are a simplex, too.
#
# With a decay $\lambda_b$ on the bias both share the work. While $\frac{\lambda_b}{1 + \lambda_b} \leq C\theta$ the bias does it alone. Beyond, the shared direction has the size $s_1 = 1 - C\theta\,(1 + 1/\lambda_b)$, and
#
# $$\cos(\mu_c, \mu_{c'}) = \frac{s_1 - s}{(C-1)\,s + s_1}.$$
#
# **Predict:** as $\lambda_b$ grows, the umbrella closes **(a)** from the start, **(b)** from some value on, **(c)** at once. (Fits computed first.)

# %%
umbrella = pictures.Umbrella(weight_decay=0.05, feature_decay=0.02, per_class=1)
closing = {b: fit("squared_error", 3, 1, 3, bias_decay=b) for b in bias_decays}
explore(lambda bias_decay: umbrella.of(closing[bias_decay]), bias_decay=bias_decays)


# %% tags=["self-check"]
def cosine(num_classes, theta, bias_decay):
    """Of two class means, from the formula above."""
    s = 1 - num_classes * theta
    shared = max(0, s - num_classes * theta / bias_decay)
    return (shared - s) / ((num_classes - 1) * s + shared)


known = {0.01: -0.333, 0.03: -0.205, 0.1: -0.054}  # four classes, θ = 0.005
low = dict(weight_decay=5e-3, feature_decay=5e-3)
for bias, wanted in known.items():
    assert abs(cosine(4, 0.005, bias) - wanted) < 1e-3, f"formula: {cosine(4, 0.005, bias)}"
    found = pictures.pairs_of(fit("squared_error", 4, 1, 4, bias_decay=bias, **low))
    assert float((found - wanted).abs().max()) < 1e-3, f"λ_b = {bias}: {found}"
for bias, model in closing.items():
    gap = float((pictures.pairs_of(model) - cosine(3, math.sqrt(1e-3), bias)).abs().max())
    assert gap < 1e-3, f"λ_b = {bias}: cosine {gap} from the formula"
print("checked: cosines", known, "(limit 1e-3)")

# %% tags=["self-check"]
for name, models in after.items():
    wanted = 0 if name.endswith("no bias") else -1 / 3
    for model in models:
        off = float((pictures.pairs_of(model) - wanted).abs().max())
        assert off < 1e-3, f"{name}: cosines {off} from {wanted:.3f}"
        gap = abs(model.objective().item() - ufm.minimum_of(model).loss)
        assert gap < 1e-8, f"{name}: {gap} from the closed form"
    print(
        f"checked: {name}: cosine {wanted:.3f} (limit 1e-3), s = {ufm.minimum_of(model).scale:.2f}"
    )
found_sizes = {round(ufm.minimum_of(models[0]).scale, 3) for models in after.values()}
assert len(found_sizes) == 4, f"sizes {found_sizes}: one for each loss was expected"

# %% [markdown]
# ## 5. Why NC3 and NC4 follow
#
# Suppose the features have collapsed (NC1) onto a simplex (NC2). The best linear classifier under squared error was known long before: with $\Sigma_T$ the total covariance and $\dot M$ the centred class means (Webb & Lowe 1990),
#
# $$W_{LS} = \tfrac1C\, \dot M\, \Sigma_T^{+}, \qquad b_{LS} = \tfrac1C \mathbf 1 - W_{LS}\, \mu_G .$$


# %%
def webb_lowe(features, labels):
    """Least-squares weight (C, p) and bias (C,) of balanced features (N, p)."""
    means = torch.stack([features[labels == c].mean(0) for c in labels.unique()])
    centre = means.mean(0)
    total = torch.cov(features.T, correction=0)
    weight = (means - centre) @ torch.linalg.pinv(total, hermitian=True) / len(means)
    return weight, 1 / len(means) - weight @ centre


# %% [markdown]
# Without scatter, $\Sigma_T = \frac1C \dot M^\top \dot M$ is the same multiple of the identity in all directions of a simplex, so $W_{LS} \propto \dot M$: that is **NC3**. Then the largest output belongs to the largest $\langle \mu_c - \mu_G, h - \mu_G \rangle$; all $\mu_c - \mu_G$ being equally long, this is the *nearest* class mean: **NC4**.
#
# **Predict.** Real scatter is never quite zero. While it shrinks towards zero, $W_{LS}$ **(a)** becomes self-dual; **(b)** does so only if the scatter is round, or if a decay helps; **(c)** never does.

# %%
draw = torch.Generator().manual_seed(seed)
round_shape = torch.eye(8, dtype=torch.float64)
some_shape = torch.randn(8, 8, generator=draw, dtype=torch.float64) / 8**0.5
cases = {f"some shape, λ = {decay:g}": (some_shape, decay) for decay in (0, 1e-4, 1e-2)}
cases["round, λ = 0"] = round_shape, 0


def measured(shape, decay, size):
    """NC1-NC4 of a simplex with scatter, under the least-squares classifier."""
    features, labels = simplex_with_scatter(4, 50, size=size, shape=shape)
    stats = nclib.ClassStatistics.from_features(features, labels)
    fitted = least_squares_classifier(stats, weight_decay=decay)
    return nclib.collapse_metrics(stats, *fitted, features=features, labels=labels)


# %%
curves = {}
for name, (shape, decay) in cases.items():
    ends = [measured(shape, decay, 10.0**-k) for k in range(5)]
    curves[name] = ([end.nc1 for end in ends], [end.self_duality for end in ends])
pictures.scatter_and_duality(curves)

# %% [markdown]
# **What we saw.** Answer (b). However small, scatter of a generic shape keeps the undecayed least-squares classifier away from the means: it leans on the directions in which samples scatter least. Once the scatter is small beside $\lambda$, it no longer pays to, and NC3 falls.
#
# **What not to conclude.** That "NC1 and NC2 imply NC3 and NC4" is false: *at* the limit it is true. But without decay the limit is not approached continuously; a decay makes it so.

# %% tags=["self-check"]
features, labels = simplex_with_scatter(4, 50, size=0.1, shape=some_shape)
stats = nclib.ClassStatistics.from_features(features, labels)
for mine, ours in zip(webb_lowe(features, labels), least_squares_classifier(stats), strict=True):
    off = float((mine - ours).abs().max())
    assert off < 1e-9, f"Webb & Lowe's classifier is {off} from nclib's"
limit = measured(some_shape, 0, 0)
assert limit.self_duality < 1e-20, f"without scatter NC3 is {limit.self_duality}"
assert limit.ncc_mismatch == 0, f"without scatter NC4 is {limit.ncc_mismatch}"
ends = {name: nc3[-1] for name, (_, nc3) in curves.items()}
stays = ends.pop("some shape, λ = 0")
assert stays > 0.1, f"undecayed, NC3 falls to {stays}"
assert max(ends.values()) < 1e-6, f"NC3 does not fall: {ends}"
print(f"checked: NC3 stays at {stays:.1f} for some shape, λ = 0; it falls below 1e-6 elsewhere")

# %% [markdown]
# ## 6. No bad valleys
#
# The objective is not convex in $W$ and $H$. Might descent be caught on the way? Build the points where the slope is zero: use only $k$ of the $C - 1$ directions of the simplex, each at its best size. The Hessian's least eigenvalue tells whether there is a way down.
#
# **Predict:** with $k = 1$ of 3 directions we stand **(a)** in a valley, **(b)** on a saddle, **(c)** on a plain.


# %%
def at_critical_point(rank):
    """Four classes, squared error: `rank` directions of the simplex at their best size."""
    model = ufm.UFM(4, 2, 6, loss="squared_error", **small, bias_decay=0.0)
    best = ufm.minimum_of(model)
    root = simplex_etf(4, 6) * math.sqrt(3 / 4 * best.scale)  # its columns are orthogonal
    root[:, rank:] = 0
    weight, means = root * best.ratio**0.5, root / best.ratio**0.5
    return model.place(weight, means.repeat_interleave(2, 0), torch.full((4,), 0.25))


# %%
paths, curvatures = [], []
for rank in range(4):
    model = at_critical_point(rank)
    curvatures.append(descent.least_eigenvalue(model))
    nudged = [p.detach() + 1e-4 * torch.randn_like(p) for p in model.parameters()]
    model.place(*nudged)
    walk = descent.gradient_descent(model, steps=300, learning_rate=1, record_every=3)
    paths.append(list(zip(*((step, model.objective().item()) for step in walk), strict=True)))
least_of_all = ufm.minimum_of(model).loss
pictures.saddles(paths, curvatures, least_of_all)

# %% [markdown]
# **What we saw.** Answer (b): each has a direction of negative curvature, a nudge finds it, and all descents end in the one global minimum. For cross-entropy with $p > C$ it is a theorem: every critical point is a global minimum or such a *strict saddle* (Zhu et al. 2021).
#
# **What it does not show.** How long descent lingers. And *deep* models are another matter: notebook 07 finds traps.

# %% tags=["self-check"]
for rank, (path, curvature) in enumerate(zip(paths, curvatures, strict=True)):
    model = at_critical_point(rank)
    model.objective().backward()
    slope = max(float(p.grad.abs().max()) for p in model.parameters())
    assert slope < 1e-12, f"rank {rank}: the slope is {slope}, no critical point"
    assert (curvature < -0.05) == (rank < 3), f"rank {rank}: least curvature {curvature}"
    assert abs(path[1][-1] - least_of_all) < 1e-4, f"rank {rank}: descent ends at {path[1][-1]}"
print("checked: least curvature", [round(c, 3) + 0.0 for c in curvatures], "for ranks 0 to 3")

# %% [markdown]
# ## 7. And without decay?
#
# Then there is no minimum: with cross-entropy the larger $W$, the smaller the loss. Only its *direction* can settle. Take features fixed at the simplex, and a random classifier. Soudry et al. (2018) show that gradient descent tends to the direction of the **largest margin**, that of the support vector machine; here that is the simplex itself, $W^* = \frac{C-1}{C} E$.
#
# **Predict:** after ten times as many steps the distance to that direction is **(a)** ten times smaller, **(b)** half, **(c)** hardly smaller.

# %%
simplex, classes = simplex_etf(4, 3), torch.arange(4)
begin = torch.randn(4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
walk = dict(steps=steps_margin, learning_rate=1)
slow = margin.descend_without_decay(begin, simplex, classes, **walk)
walk = dict(steps=4000, learning_rate=0.1, normalised=True)
fast = margin.descend_without_decay(begin, simplex, classes, **walk)
best_margin = margin.max_margin(simplex, classes)
pictures.margins({"gradient descent": slow, "normalised by the loss": fast}, best_margin)

# %% [markdown]
# **What we saw.** Answer (c): like $1/\ln t$, because the gradient dies out with the loss. Divide each step by the loss, and the direction settles like $1/t$.
#
# **What not to conclude.** That decay is needed for collapse. It is needed for collapse *soon*.

# %% tags=["self-check"]
off = float((best_margin - 3 / 4 * simplex).abs().max())
assert off < 1e-6, f"the max-margin classifier is {off} from 3/4 of the simplex"
gaps = {path: path.gaps(simplex) for path in (slow, fast)}
laws = {slow: slow.steps.double().log(), fast: fast.steps.double()}
for path, name in ((slow, "gap · ln t"), (fast, "gap · t")):
    late = path.steps >= path.steps[-1] / 10
    kept = (gaps[path] * laws[path])[late]
    drift = float(kept.max() / kept.min())
    assert drift < 1.3, f"{name} changes by a factor {drift} in the last decade"
    print(f"checked: {name} = {kept[-1]:.3g}, within a factor {drift:.2f} (limit 1.3)")

# %% [markdown] tags=["exercise"]
# ## Exercises
#
# ### Exercise 1: the deadly decay (●○○, paper and pencil, or the slider of section 2; one line)
#
# Both decays are equal, $\lambda_W = \lambda_H = \lambda$. From which $\lambda$ on is zero the best that $C$ classes of $n$ samples can do? Expected: 0.1 for ten classes of one sample, 0.01 for ten of a hundred.


# %% tags=["exercise"]
def deadly_decay(num_classes, per_class):
    """The least decay at which features and classifier vanish."""
    ...
    raise NotImplementedError("return one number")


# %% tags=["check"]
checks.check_deadly_decay(deadly_decay)


# %% tags=["solution"]
def deadly_decay(num_classes, per_class):
    """The least decay at which features and classifier vanish."""
    ### BEGIN SOLUTION
    return 1 / (num_classes * math.sqrt(per_class))  # C θ = C λ √n = 1
    ### END SOLUTION


checks.check_deadly_decay(deadly_decay)


# %% [markdown] tags=["exercise"]
# ### Exercise 2: the size of the simplex (●●○, a derivation, then two lines)
#
# Derive the first row of the table in section 2: which $s \geq 0$ makes $\ln(1 + (C-1)e^{-s}) + (C-1)\,\theta s$ least? Mind large $\theta$. Expected: 4.57 for four classes at $\theta = 0.01$, and 0 at $\theta = 0.5$.


# %% tags=["exercise"]
def size(num_classes, theta):
    """The best size s of the logits under cross-entropy."""
    ...
    raise NotImplementedError("return one number")


# %% tags=["check"]
checks.check_scale(size)


# %% tags=["solution"]
def size(num_classes, theta):
    """The best size s of the logits under cross-entropy."""
    ### BEGIN SOLUTION
    # slope: -(C-1)/(e^s + C-1) + (C-1)θ = 0, so e^s = 1/θ - (C-1); below e^0 = 1 stay at 0
    return math.log(max(1, 1 / theta - (num_classes - 1)))
    ### END SOLUTION


checks.check_scale(size)


# %% [markdown] tags=["exercise"]
# ### Exercise 3: collapsed, but not self-dual (●●●, open, a few lines)
#
# Find features of your own that have collapsed ($\mathrm{NC1} < 10^{-4}$) onto a simplex (cosines within 0.01), and whose undecayed least-squares classifier is *not* self-dual ($\mathrm{NC3} > 0.1$). The check measures; any example will do. *`simplex_with_scatter` may help: let the samples scatter along one direction more than along all others.*


# %% tags=["exercise"]
def not_self_dual():
    """Features (N, p) and labels (N,), float64."""
    ...
    raise NotImplementedError("return features, labels")


# %% tags=["check"]
checks.check_not_self_dual(not_self_dual)


# %% tags=["solution"]
def not_self_dual():
    """Features (N, p) and labels (N,), float64."""
    ### BEGIN SOLUTION
    stretched = torch.eye(8, dtype=torch.float64)
    stretched[0] = 30  # a long axis of scatter, and the simplex is turned anyhow
    return simplex_with_scatter(4, 50, size=1e-4, shape=stretched)
    ### END SOLUTION


checks.check_not_self_dual(not_self_dual)

# %% [markdown] tags=["instructor"]
# **For the teacher.** Ninety minutes: section 1 from the player with a vote (10), the nuclear-norm argument on the board (20: $\frac a2 \lVert W \rVert^2 + \frac b2 \lVert M \rVert^2 \geq \sqrt{ab}\, \lVert WM^\top \rVert_*$ is the arithmetic-geometric mean, singular value by singular value), sections 2 and 3 in groups with the sliders (20), section 4 with three pencils held as an umbrella (10), section 5 on the board (15), exercise 1 in pairs (15); sections 6 and 7 are reading. The votes' answers, questions for the class and the wrong answers that each check knows are in `TEACHING.md`.
#
# The usual misconceptions: *collapse needs cross-entropy*; *a saddle is a trap* (these have a way down); *no decay, no collapse* (only slower); *NC3 follows from NC1 and NC2 at any distance from the limit* (section 5).

# %% [markdown]
# ## Where this stops being true
#
# - **Networks are not free.** What the model forgets (data, depth, ReLU, noise of batches) decides whether, and how fast, its minimum is reached. Features after a ReLU are never negative and cannot form this simplex about the origin.
# - **Equal class sizes** were assumed throughout: with unequal ones the simplex bends, and rare classes can merge.
# - **More layers** change the answer: for two classes every layer collapses, for many something of lower rank can win (notebook 07).
# - **Too little room** ($p < C - 1$): no simplex, and the minimum is no longer unique.
#
# **To read on:** Zhu et al. 2021, sections 2 and 3; Soudry et al. 2018 for the proof of $1/\ln t$. **Next:** notebook 07 puts layers between. **To cite:** the papers for the results, `CITATION.cff` for this software.
