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
from functools import partial

import torch

import nclib
from nclib import runtime, simplex_etf
from nclib.formulas import descent, ufm
from nclib.formulas.mse import least_squares_classifier
from nclib.formulas.synthetic import simplex_with_scatter
from nclib.lessons.claims import claim
from nclib.lessons.unconstrained import checks, fits, margin, pictures, sliders
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
    runs[loss] = nclib.Trajectory.of(descend(free[loss], steps=steps_free, learning_rate=1))
runs["cross_entropy"].player(runs["squared_error"])

# %% [markdown]
# The clock counts steps of gradient descent. Three dimensions are just enough for four classes, so the picture leaves nothing out.
#
# **What we saw.** Answer (c), under both losses, and the classifier (square-ended sticks) joins in. Each point was moved on its own; what brings a class together is that all its points want the same thing from the same $W$.
#
# **What it does not show.** That real features are free. The model says where a network goes that can do anything, and nothing about images it has not seen: there are none.

# %% tags=["self-check"]
last = [run.metrics.iloc[-1] for run in runs.values()]
claim("NC1 at the end, both losses", [end.nc1 for end in last], below=1e-5)
claim("angles off the simplex's", [end.max_angle_means for end in last], below=0.01)
claim("NC3, self-duality", [end.self_duality for end in last], below=1e-4)
claim("NC4: decisions are those of the nearest mean", [end.ncc_mismatch == 0 for end in last])
claim("objective above the global minimum", pictures.ends(free.values()).gap.abs(), below=1e-5)

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
fit = partial(fits.fit, seed=seed)  # loss, classes, samples of each, features; decays by name
choices = dict(num_classes=[3, 5], per_class=[1, 4], weight_decay=decays, feature_decay=decays)
ends = {}
for c, n, w, h in itertools.product(*choices.values()):
    ends[c, n, w, h] = [fit(loss, c, n, c, weight_decay=w, feature_decay=h) for loss in runs]
threshold = sliders.threshold_picture()
explore(lambda **chosen: threshold(*ends[tuple(chosen.values())]), **choices)

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
table = pictures.ends(itertools.chain(*ends.values()))
table["s"], table["value"] = zip(*map(least, table.loss, table.classes, table.theta), strict=True)
claim("least objective in nclib, off the table's", (table.least - table.value).abs(), below=1e-12)
claim("size s in nclib, off the table's", (table.scale - table.s).abs(), below=1e-12)
claim("zero from Cθ = 1 on only", (table.directions == 0) == (table.classes * table.theta >= 1))
claim(f"{len(table)} fits, off the table", (table.objective - table.value).abs(), below=1e-8)

# %% [markdown]
# ## 3. Too few features
#
# **Predict.** The simplex of $C$ classes needs $C - 1$ dimensions. With fewer, under squared error, **(a)** the loss jumps to that of guessing; **(b)** each missing dimension costs the same; **(c)** classes are given up one by one.
#
# These fits, too, are computed first.

# %%
sizes = dict(num_classes=[3, 4, 6], num_features=[1, 2, 3, 4, 5, 6])
room = {(c, p): fit("squared_error", c, 3, p) for c, p in itertools.product(*sizes.values())}
picture, start = sliders.room_picture(), dict(num_classes=6, num_features=3)
explore(lambda **chosen: picture(room[tuple(chosen.values())]), **sizes, start=start)

# %% [markdown]
# **What we saw.** Answer (b). Every direction of $Z$ is worth the same, and $p$ of them are taken: the class means are a simplex seen in projection, and *which* projection is left to the start. From $C - 1$ on, further features change nothing.
#
# **What not to conclude.** That cross-entropy does just the same with too little room. It pays, too, as the check below says; how much is not in the table.

# %% tags=["self-check"]
table = pictures.ends(room.values())
claim(f"{len(room)} fits, off the closed form", table.gap.abs(), below=1e-8)
off = (table[["lowest", "highest"]].T + 1 / (table.classes - 1)).abs().max()
claim("a simplex from C - 1 features on", (off < 1e-2) == (table.features >= table.classes - 1))
narrow, wide = (fit("cross_entropy", 4, 3, p).objective().item() for p in (2, 3))
claim("what cross-entropy loses with C - 2 features", narrow - wide, above=1e-3)

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
umbrella = sliders.umbrella_picture(weight_decay=0.05, feature_decay=0.02, per_class=1)
closing = {b: fit("squared_error", 3, 1, 3, bias_decay=b) for b in bias_decays}
explore(lambda bias_decay: umbrella(closing[bias_decay]), bias_decay=bias_decays)


# %% tags=["self-check"]
def cosine(num_classes, theta, bias_decay):
    """Of two class means, from the formula above."""
    s = 1 - num_classes * theta
    shared = max(0, s - num_classes * theta / bias_decay)
    return (shared - s) / ((num_classes - 1) * s + shared)


for bias, wanted in {0.01: -0.333, 0.03: -0.205, 0.1: -0.054}.items():  # four classes, θ = 0.005
    model = fit("squared_error", 4, 1, 4, bias_decay=bias, weight_decay=5e-3, feature_decay=5e-3)
    found = [cosine(4, 0.005, bias), *pictures.pairs_of(model)]
    claim(f"λ_b = {bias}: cosine, formula and fit", found, near=wanted, below=1e-3)
gaps = [pictures.pairs_of(m) - cosine(3, math.sqrt(1e-3), bias) for bias, m in closing.items()]
claim("cosines behind the slider, off the formula", torch.stack(gaps).abs(), below=1e-3)

# %% tags=["self-check"]
for name, models in after.items():
    wanted = 0 if name.endswith("no bias") else -1 / 3
    claim(f"{name}: cosines", pictures.ends(models)[["lowest", "highest"]], near=wanted, below=1e-3)
table = pictures.ends(itertools.chain(*after.values()))
claim("all fits, off the closed form", table.gap.abs(), below=1e-8)
claim("four losses have four sizes", table.scale.round(3).nunique() == 4)

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
some_shape = torch.randn(8, 8, generator=draw, dtype=torch.float64) / 8**0.5
cases = {f"some shape, λ = {decay:g}": (some_shape, decay) for decay in (0, 1e-4, 1e-2)}
cases["round, λ = 0"] = torch.eye(8, dtype=torch.float64), 0
curves = {name: fits.while_it_shrinks(*case) for name, case in cases.items()}
pictures.scatter_and_duality(curves)

# %% [markdown]
# **What we saw.** Answer (b). However small, scatter of a generic shape keeps the undecayed least-squares classifier away from the means: it leans on the directions in which samples scatter least. Once the scatter is small beside $\lambda$, it no longer pays to, and NC3 falls.
#
# **What not to conclude.** That "NC1 and NC2 imply NC3 and NC4" is false: *at* the limit it is true. But without decay the limit is not approached continuously; a decay makes it so.

# %% tags=["self-check"]
features, labels = simplex_with_scatter(4, 50, size=0.1, shape=some_shape)
stats = nclib.ClassStatistics.from_features(features, labels)
for mine, ours in zip(webb_lowe(features, labels), least_squares_classifier(stats), strict=True):
    claim("Webb & Lowe's classifier, off nclib's", (mine - ours).abs(), below=1e-9)
limit = fits.measured(some_shape, 0, 0)
claim("NC3 without scatter", limit.self_duality, below=1e-20)
claim("NC4 without scatter: all decisions agree", limit.ncc_mismatch == 0)
nc3 = {name: values[-1] for name, (_, values) in curves.items()}
claim("NC3 stays for some shape, λ = 0", nc3.pop("some shape, λ = 0"), above=0.1)
claim("NC3 falls elsewhere", list(nc3.values()), below=1e-6)

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
curvatures = [descent.least_eigenvalue(at_critical_point(rank)) for rank in range(4)]
paths = [fits.nudged_descent(at_critical_point(rank)) for rank in range(4)]
least_of_all = ufm.minimum_of(at_critical_point(3)).loss
pictures.saddles(paths, curvatures, least_of_all)

# %% [markdown]
# **What we saw.** Answer (b): each has a direction of negative curvature, a nudge finds it, and all descents end in the one global minimum. For cross-entropy with $p > C$ it is a theorem: every critical point is a global minimum or such a *strict saddle* (Zhu et al. 2021).
#
# **What it does not show.** How long descent lingers. And *deep* models are another matter: notebook 07 finds traps.

# %% tags=["self-check"]
slopes = []
for model in map(at_critical_point, range(4)):
    model.objective().backward()
    slopes += [p.grad.abs().max() for p in model.parameters()]
claim("slope at each point with 0, 1, 2, 3 directions", slopes, below=1e-12)
claim("least curvature with 0, 1, 2 directions", curvatures[:3], below=-0.05)
claim("least curvature with all 3", curvatures[3], above=-0.05)
claim("ends, off the global minimum", [abs(v[-1] - least_of_all) for _, v in paths], below=1e-4)

# %% [markdown]
# ## 7. And without decay?
#
# Then there is no minimum: with cross-entropy the larger $W$, the smaller the loss. Only its *direction* can settle. Take features fixed at the simplex, and a random classifier. Soudry et al. (2018) show that gradient descent tends to the direction of the **largest margin**, that of the support vector machine; here that is the simplex itself, $W^* = \frac{C-1}{C} E$.
#
# **Predict:** after ten times as many steps the distance to that direction is **(a)** ten times smaller, **(b)** half, **(c)** hardly smaller.

# %%
simplex, draw = simplex_etf(4, 3), torch.Generator().manual_seed(1)
start = torch.randn(4, 3, generator=draw, dtype=torch.float64), simplex, torch.arange(4)
slow = margin.descend_without_decay(*start, steps=steps_margin, learning_rate=1)
fast = margin.descend_without_decay(*start, steps=4000, learning_rate=0.1, normalised=True)
best_margin = margin.max_margin(*start[1:])
pictures.margins({"gradient descent": slow, "normalised by the loss": fast}, best_margin)

# %% [markdown]
# **What we saw.** Answer (c): like $1/\ln t$, because the gradient dies out with the loss. Divide each step by the loss, and the direction settles like $1/t$.
#
# **What not to conclude.** That decay is needed for collapse. It is needed for collapse *soon*.

# %% tags=["self-check"]
claim("max-margin classifier, off ¾ E", (best_margin - 3 / 4 * simplex).abs(), below=1e-6)
for name, path, law in (("gap · ln t", slow, torch.log), ("gap · t", fast, torch.abs)):
    late = path.steps >= path.steps[-1] / 10
    kept = (path.gaps(simplex) * law(path.steps.double()))[late]
    claim(f"{name} in the last decade: greatest ÷ least", kept.max() / kept.min(), below=1.3)

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
