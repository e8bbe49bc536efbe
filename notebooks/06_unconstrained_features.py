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
# Throw the network away but for its last layer, and let the features move wherever the loss pulls them. What remains can be solved with pencil and paper, and the solution *is* neural collapse.

# %% [markdown]
# | | |
# | --- | --- |
# | **You will be able to** | *derive* what the decays leave of the features · *carry* it over to a network's weight decay · *bend* the simplex into an orthogonal frame · *say* when NC3 and NC4 follow from NC1 and NC2 · *explain* what is left without decay |
# | **Needs** | notebooks 00 and 03; the singular value decomposition; no GPU |
# | **Time** | fifteen minutes to read, thirty-five with the exercises; the cells take half a minute on two CPU cores |
# | **Data** | three digits inside scikit-learn, in section 3: nothing is downloaded |
# | **Paper** | Zhu et al. 2021, [*A geometric analysis of neural collapse with unconstrained features*](https://arxiv.org/abs/2105.02375); Tirer & Bruna 2022 and Zhou et al. 2022a (ICML) for squared error; Zhou et al. 2022b (NeurIPS) for all losses; Jacot et al. 2024; Webb & Lowe 1990; Soudry et al. 2018 |

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

import pandas as pd
import torch

import nclib
from nclib import losses, runtime, simplex_etf
from nclib.formulas import ufm
from nclib.formulas.mse import least_squares_classifier
from nclib.lessons.claims import claim, claim_collapsed
from nclib.lessons.unconstrained import checks, decay, fits, margin, pictures, sliders
from nclib.quantities import COLLAPSED
from nclib.runs.free_features import descend
from nclib.widgets.explore import explore

print(runtime.start())

# %% tags=["parameters"]
seed = 0  # of the starts
small = dict(weight_decay=1e-2, feature_decay=1e-2 / 15, bias_decay=0.0)  # section 1
steps_free = 500  # of gradient descent in section 1; 0.3 s for each loss
decays = runtime.choose(ci=[0.05, 0.16, 0.28], laptop=[0.05, 0.12, 0.22, 0.28])  # section 2
epochs = 100  # section 3; 1 s a network on an idle core
trained_at = runtime.choose(ci=[0, 0.02, 0.1, 0.25, 0.3], laptop=[0, 0.02, 0.05, 0.1, 0.25, 0.3])
bias_decays = [0.001, 0.03, 0.08, 0.12, 0.15, 0.2, 0.3, 1.0, 10.0]  # section 4
even = dict(weight_decay=0.02, feature_decay=0.02)  # section 4
steps_margin = runtime.choose(ci=10_000, laptop=30_000)  # section 6; 2 s for 10,000

# %% [markdown]
# ## 1. Features that are free
#
# If a network could send its training images *anywhere*, where would they go? Let the features $h_i$ be parameters themselves, a row of $H$ for each of $n$ samples of $C$ classes ($N = Cn$), and train them together with the classifier, with a decay on each:
#
# $$\min_{W,\,H,\,b}\; \mathcal{L}\left(HW^\top + \mathbf 1 b^\top\right) + \tfrac{\lambda_W}{2} \lVert W \rVert^2 + \tfrac{\lambda_H}{2} \lVert H \rVert^2 + \tfrac{\lambda_b}{2} \lVert b \rVert^2$$
#
# where $\mathcal L$ is the mean cross-entropy, or the squared error $\frac{1}{2N} \sum_i \lVert z_i - e_{y_i} \rVert^2$ of the logits $z_i$. This is the **unconstrained features model**.
#
# **Predict.** Sixty points of four classes start at random in three dimensions. They will **(a)** stay mixed, for nothing ties a class together; **(b)** form four clouds; **(c)** fall onto four points, the corners of a tetrahedron.

# %%
runs, free = {}, {}
for loss in ("cross_entropy", "squared_error"):
    free[loss] = ufm.UFM(4, 15, 3, loss=loss, **small, seed=seed)
    runs[loss] = nclib.Trajectory.of(descend(free[loss], steps=steps_free, learning_rate=1))
runs["cross_entropy"].player(runs["squared_error"])

# %% [markdown]
# The clock counts steps of gradient descent. **What we saw.** Answer (c), under both losses, and the classifier (square-ended sticks) joins in. Each point moves on its own, but under the same $W$.
#
# **What it does not show.** That real features are free: section 3 compares.

# %% tags=["self-check"]
for loss, run in runs.items():
    claim_collapsed(loss, run.metrics.iloc[-1])
claim("objective above the global minimum", pictures.ends(free.values()).gap.abs(), below=1e-5)

# %% [markdown]
# ## 2. The lowest point, with pencil and paper
#
# NC1 comes first: for fixed $W$ and $b$ every $h_i$ of a class minimises the *same* function, its own loss plus $\frac{N\lambda_H}{2} \lVert h_i \rVert^2$, strictly convex where the loss is convex in the logits. So they coincide: the class means $M$ are left. For given logits $Z = WM^\top$ the cheapest factors cost the *nuclear norm*, the sum of the singular values: $\frac{\lambda_W}{2} \lVert W \rVert^2 + \frac{\lambda_H}{2} \lVert H \rVert^2 \geq \theta\, \lVert Z \rVert_*$ with
#
# $$\theta = \sqrt{\lambda_W\, \lambda_H\, n}.$$
#
# In $Z$ the problem is convex, and no class is special, so averaging over all orders of the classes makes nothing worse: $Z = s\,(I - \frac1C \mathbf 1 \mathbf 1^\top)$, a simplex, and one number $s$ remains to be found.
#
# | | size $s$ | least objective |
# | --- | --- | --- |
# | cross-entropy | $\ln\left(\frac1\theta - (C-1)\right)$ | $\ln(1 + (C-1)e^{-s}) + (C-1)\,\theta s$ |
# | squared error, free bias | $1 - C\theta$ | $(C-1)\left(\theta - \frac C2 \theta^2\right)$ |
#
# **Predict.** Turn the decays up. The simplex will **(a)** shrink, but never vanish; **(b)** vanish at a finite decay, the same for both losses; **(c)** lose one class after the other.
#
# The fits behind the sliders are computed first.

# %%
fit = partial(fits.fit, seed=seed)  # loss, classes, samples of each, features; decays by name
choices = dict(num_classes=[3, 5], per_class=[1, 4], weight_decay=decays, feature_decay=decays)
ends = {}
for c, n, w, h in itertools.product(*choices.values()):
    ends[c, n, w, h] = [fit(loss, c, n, c, weight_decay=w, feature_decay=h) for loss in runs]
threshold = sliders.threshold_picture()
explore(lambda **chosen: threshold(*ends[tuple(chosen.values())]), **choices)

# %% [markdown]
# **What we saw.** Answer (b). $C-1$ singular values are equal, and reach zero together at $C\theta = 1$: not neural collapse but the end of it. Only $\theta$ counts: swap the decays, or take four times the samples and half of each decay, and the minimum is the same.
#
# One threshold, because at $Z = 0$ (and the best bias) both losses have the residual $\frac1C \mathbf 1 - e_y$: this the decays must outweigh. Other losses pull otherwise: smoothed labels 0.9 times as much, the focal loss on ten classes 1.22 times; at $C\theta = 1$ its simplex still has $s = 0.88$.
#
# Can descent get stuck? With fewer directions in use, each at its best size, the slope is zero, too, but the Hessian has a negative eigenvalue: a **saddle**, with a way down. For cross-entropy with $p > C$ every critical point is one or a global minimum (Zhu et al. 2021); *deep* models have traps (notebook 07).


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
off = (table.least - table.value).abs() + (table.scale - table.s).abs()
claim("least objective and s in nclib, off the table's", off, below=1e-12)
claim(f"{len(table)} fits, off the table", (table.objective - table.value).abs(), below=1e-8)
claim("zero from Cθ = 1 on only", (table.directions == 0) == (table.classes * table.theta >= 1))

# %% tags=["self-check"]
pulls = {name: losses.pull_at_zero(loss, 10) for name, loss in losses.UFM_LOSSES.items()}
for name, wanted in zip(pulls, (1, 1, 0.9, 1.22), strict=True):
    claim(f"{name}: pull at zero, ten classes", pulls[name], near=wanted, below=5e-3)
size = ufm.focal_minimum(10, 1, weight_decay=0.1, feature_decay=0.1).scale
claim("focal loss, ten classes, Cθ = 1: s", size, near=0.88, below=5e-3)
slopes, curvatures = zip(*map(fits.slope_and_curvature, range(4)), strict=True)
claim("slope with 0, 1, 2, 3 directions", slopes, below=1e-12)
claim("least curvature with 0, 1, 2", curvatures[:3], below=-0.05)

# %% [markdown]
# ## 3. From free features to weight decay
#
# A network decays weights, not features. Which $\lambda_H$ is that? Take notebook 03's: three digits, two features, squared error. Its features leave a batch norm, $h_j = \gamma_j \hat x_j + \beta_j$ with $\hat x_j$ of variance 1, so $\frac\lambda2 \gamma_j^2 = \frac{\lambda}{2N} \sum_i (h_{ij} - \bar h_j)^2$: $\lambda_W = \lambda$, $\lambda_H = \lambda/N$, and the layers below cost nothing. Free features in its place vanish where $\lambda$ outweighs the pull at zero ($L$ as trained, $\frac2C$ of ours),
#
# $$\lambda = \sqrt N\, \lVert \partial L/\partial Z \rVert_{Z=0} = 2/C^{3/2} = 0.385,$$
#
# and before that $s = 1 - \frac12 C^{3/2} \lambda$. Moreover, multiply $w_j$ and divide $\gamma_j, \beta_j$ by one number: only the decay changes. Where it rests, $\lVert w_j \rVert^2 = \gamma_j^2 + \beta_j^2$: classifier and features are **balanced**, as proofs for networks want them (Jacot et al. 2024).
#
# **Predict.** As $\lambda$ grows, the two singular values of the network's mean logits **(a)** follow $s$ to 0.385; **(b)** follow it at first, then drop out early, one by one; **(c)** do not follow it.

# %%
three = nclib.load_data("digits", classes=[0, 1, 2])
train = partial(decay.train_in_plane, three, epochs=epochs, seed=seed)
whole = {wd: train(wd) for wd in trained_at}
below = {wd: train(wd, held=whole[0.02].network) for wd in (0.25, 0.3, 0.35, 0.4)}
decay.sizes_and_balance(whole, below)

# %% [markdown]
# **What we saw.** Answer (b). Up to $\lambda = 0.1$ both lie near the line, and from 0.02 to there the network is balanced; without decay, the control, it is not. But at 0.25 digits 1 and 2 have merged, and at 0.3 all: networks do lose one class after the other, as in notebook 03.
#
# The squares tell why: their layers below are those trained at 0.02, *held*, while $\gamma$, $\beta$ and $W$ start afresh. Now both values stay together, to the threshold. So it is the layers below, which must *learn* $\hat x$ against the decay; a feature whose $\gamma$ is gone teaches nothing. First to go is the difference of 1 and 2, whose images lie closest.
#
# **What not to conclude.** That free features give a network's threshold: they give a bound.

# %% tags=["self-check"]
pull = decay.largest_decay("squared_error", 3)
claim("pull at zero, 2/C^(3/2)", pull, near=0.385, below=1e-3)
above, control = decay.above_the_line(whole), decay.above_the_line(below)
claim("sizes above the line", above.max(), below=0.01)
claim("sizes off the line up to λ = 0.1", above[:0.1].abs(), below=0.06)
claim("at 0.25: smaller ÷ larger size", whole[0.25].sizes[1] / whole[0.25].sizes[0], below=1e-2)
claim("at 0.25 digits 1 and 2 are merged", whole[0.25].apart.argmin() == 2)
claim("whose images lie closest", decay.distances_of_images(three).argmin() == 2)
claim("at 0.3: sizes", whole[0.3].sizes, below=1e-3)
claim("held: off the line", control.abs(), below=0.07)

# %% tags=["self-check"]
claim("held, at 0.35: both sizes", below[0.35].sizes, above=0.01)
claim("held, at 0.4: both sizes", below[0.4].sizes, below=0.01)
off = pd.Series({wd: end.off_balance for wd, end in whole.items()})
claim("‖w‖² off γ² + β², from 0.02 to 0.1", off[0.02:0.1], below=0.05)
claim("without decay", off[0], above=1)

# %% [markdown]
# ## 4. Four losses, one simplex, and a frame
#
# **Predict.** Smoothed labels, and the focal loss, which looks away from easy samples, lead to **(a)** simplexes of other sizes; **(b)** other figures; **(c)** no collapse. And squared error *without* a bias?

# %%
kinds = {"cross-entropy": ("cross_entropy", 0.0), "label smoothing": ("label_smoothing", 0.0)}
kinds |= {"focal": ("focal", 0.0), "squared error, free bias": ("squared_error", 0.0)}
kinds |= {"squared error, no bias": ("squared_error", None)}
before, after = {}, {}
for name, (loss, bias) in kinds.items():
    even["bias_decay"] = bias
    before[name] = [ufm.UFM(4, 2, 5, loss=loss, **even, seed=s) for s in range(3)]
    after[name] = [fit(loss, 4, 2, 5, **even | {"seed": s}) for s in range(3)]
pictures.losses_and_cosines(before, after)

# %% [markdown]
# **What we saw.** Answer (a). The loss chooses the size, symmetry the shape, if the loss is convex in the logits. The focal loss is not; that it has such a minimum is a theorem of its own (Zhou et al. 2022b). The exception is squared error without bias: **orthogonal** means (Tirer & Bruna 2022). Somebody has to produce the mean target $\frac1C$ of every output: the bias, or a further direction shared by all classes. From their centre, a simplex, too.
#
# With a decay $\lambda_b$ on the bias both share the work. While $\frac{\lambda_b}{1 + \lambda_b} \leq C\theta$ the bias does it alone. Beyond, the shared direction has the size $s_1 = 1 - C\theta\,(1 + 1/\lambda_b)$, and
#
# $$\cos(\mu_c, \mu_{c'}) = \frac{s_1 - s}{(C-1)\,s + s_1}.$$
#
# **Predict:** as $\lambda_b$ grows, the umbrella closes **(a)** from the start, **(b)** from some value on, **(c)** at once.

# %%
umbrella = sliders.umbrella_picture(weight_decay=0.05, feature_decay=0.02, per_class=1)
closing = {b: fit("squared_error", 3, 1, 3, bias_decay=b) for b in bias_decays}
explore(lambda bias_decay: umbrella(closing[bias_decay]), bias_decay=bias_decays)


# %% tags=["self-check"]
s = 1 - 3 * math.sqrt(0.05 * 0.02)
for bias, model in closing.items():
    shared = max(0, s - (1 - s) / bias)
    gap = pictures.pairs_of(model) - (shared - s) / (2 * s + shared)
    claim(f"λ_b = {bias:g}: cosines, off the formula", gap.abs(), below=1e-3)

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
# Suppose the features have collapsed (NC1) onto a simplex (NC2). With $\Sigma_T$ the **total covariance** and $\dot M$ the centred class means, squared error is least for (Webb & Lowe 1990)
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
# Without scatter, $\Sigma_T = \frac1C \dot M^\top \dot M$ is a multiple of the identity on the span of a simplex, so $W_{LS} \propto \dot M$: **NC3**. Then the largest output belongs to the largest $\langle \mu_c - \mu_G, h - \mu_G \rangle$ and, all $\mu_c - \mu_G$ being equally long, to the *nearest* class mean: **NC4**.
#
# **Predict.** While real scatter shrinks towards zero, $W_{LS}$ **(a)** becomes self-dual; **(b)** does so only if the scatter keeps the span of the means, or if a decay helps; **(c)** never does.

# %%
some_shape = fits.some_shape(seed)
cases = {f"some shape, λ = {decay:g}": (some_shape, decay) for decay in (0, 1e-4, 1e-2)}
cases["long and thin, span kept, λ = 0"] = fits.keeping_the_span(22), 0
curves = {name: fits.while_it_shrinks(*case) for name, case in cases.items()}
pictures.scatter_and_duality(curves)

# %% [markdown]
# **What we saw.** Answer (b). However small, scatter of a generic shape keeps the undecayed classifier away from the means: it leans out of their span, to where samples scatter less. Not that it must be round: long and thin scatter is harmless where $\Sigma_W$ maps $\mathrm{span}(\dot M)$ into itself; tilt it, and NC3 stays. Once the scatter is small beside $\lambda$, leaning out no longer pays.
#
# **What not to conclude.** That "NC1 and NC2 imply NC3 and NC4" is false: it is true *at* the limit.

# %% tags=["self-check"]
features, labels = fits.scattered(shape=some_shape, size=0.1)
stats = nclib.ClassStatistics.from_features(features, labels)
for mine, ours in zip(webb_lowe(features, labels), least_squares_classifier(stats), strict=True):
    claim("Webb & Lowe's classifier, off nclib's", (mine - ours).abs(), below=1e-9)
limit = fits.measured(some_shape, 0, 0)
claim("NC3 without scatter", limit.self_duality, below=1e-20)
claim("NC4 without scatter: all decisions agree", limit.ncc_mismatch == 0)
nc3 = {name: values[-1] for name, (_, values) in curves.items()}
claim("NC3 stays for some shape, λ = 0", nc3.pop("some shape, λ = 0"), above=0.1)
claim("NC3 falls elsewhere", list(nc3.values()), below=1e-6)
tilted = fits.measured(fits.keeping_the_span(22, tilt=45), 0, 1e-6)
claim("NC3 with the long axis tilted", tilted.self_duality, above=0.1)

# %% [markdown]
# ## 6. And without decay?
#
# Then cross-entropy has no minimum: the larger $W$, the smaller the loss, and only its *direction* can settle. Take features fixed at the simplex, and a random classifier. Gradient descent tends to the direction of the **largest margin** (Soudry et al. 2018), here the simplex itself, $W^* = \frac{C-1}{C} E$.
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
# **What we saw.** Answer (c): like $1/\ln t$, because the gradient dies out with the loss. Divide each step by the loss, and it is $1/t$.
#
# But the features were *put* on the simplex. Set free as in section 1, without decay:

# %%
fates = {(loss, "decay, section 1"): run.metrics.iloc[-1] for loss, run in runs.items()}
for loss, init in itertools.product(runs, (1, 0.05)):
    fates[loss, f"no decay, start of {init}"] = fits.fate(loss, init, seed=seed)
fates = pd.DataFrame(fates).T[["loss", *COLLAPSED]]
fates.style.format("{:.1e}")

# %% [markdown]
# **What we saw.** Squared error comes to zero, and there the descent stops, uncollapsed: any features will do that a classifier can read. Nothing restores balance, so the end remembers the start; a small one leaves little to remember, and collapses without decay (Mixon et al. 2020). Cross-entropy may be far from collapse when its loss is nearly gone.
#
# **What not to conclude.** That without decay collapse only takes longer: $1/\ln t$ is the classifier's. Nor that it needs decay.

# %% tags=["self-check"]
claim("max-margin classifier, off ¾ E", (best_margin - 3 / 4 * simplex).abs(), below=1e-6)
for name, path, law in (("gap · ln t", slow, torch.log), ("gap · t", fast, torch.abs)):
    late = path.steps >= path.steps[-1] / 10
    kept = (path.gaps(simplex) * law(path.steps.double()))[late]
    claim(f"{name} in the last decade: greatest ÷ least", kept.max() / kept.min(), below=1.3)

# %% tags=["self-check"]
claim_collapsed("squared error", fates.loc["squared_error", "no decay, start of 0.05"])
entropy, squared = (fates.loc[loss, "no decay, start of 1"] for loss in runs)
claim("squared error, start of 1: loss", squared.loss, below=1e-12)
claim("angles off the simplex's", squared.max_angle_means, above=0.1)
claim("cross-entropy: loss", entropy.loss, below=1e-3)
claim("NC1", entropy.nc1, above=0.05)

# %% [markdown] tags=["exercise"]
# ## Exercises
#
# ### Exercise 1: the deadly decay (●○○, paper and pencil; one line)
#
# Section 3 under *cross-entropy*, a mean over the samples without $\frac2C$: at which weight decay would free features in the network's place vanish, for $C$ classes of $n$ images? $n$ drops out. Expected: 0.577 for three.


# %% tags=["exercise"]
def deadly_decay(num_classes):
    """The least weight decay at which zero is best, under cross-entropy."""
    ...
    raise NotImplementedError("return one number")


# %% tags=["check"]
checks.check_deadly_decay(deadly_decay)


# %% tags=["solution"]
def deadly_decay(num_classes):
    """The least weight decay at which zero is best, under cross-entropy."""
    ### BEGIN SOLUTION
    # θ = √(λ · λ/(Cn) · n) = λ/√C, and Cθ = 1
    return 1 / math.sqrt(num_classes)
    ### END SOLUTION


checks.check_deadly_decay(deadly_decay)


# %% [markdown] tags=["exercise"]
# ### Exercise 2: smoothed labels (●●○, a derivation, then two lines)
#
# Instead of $e_y$ let the targets be $(1 - \alpha)\, e_y + \frac\alpha C \mathbf 1$. That adds $\frac{\alpha (C-1)}{C}\, s$ to the table's first row. Which $s \geq 0$ is best now? Mind large decays. Expected: 3.33 for four classes at $\theta = 0.01$, $\alpha = 0.1$.


# %% tags=["exercise"]
def size(num_classes, theta, smoothing):
    """The best size s of the logits under cross-entropy with smoothed labels."""
    ...
    raise NotImplementedError("return one number")


# %% tags=["check"]
checks.check_scale(size)


# %% tags=["solution"]
def size(num_classes, theta, smoothing):
    """The best size s of the logits under cross-entropy with smoothed labels."""
    ### BEGIN SOLUTION
    # slope: -(C-1)/(e^s + C-1) + (C-1)(θ + α/C) = 0; below e^0 = 1 stay at 0
    return math.log(max(1, 1 / (theta + smoothing / num_classes) - (num_classes - 1)))
    ### END SOLUTION


checks.check_scale(size)


# %% [markdown] tags=["exercise"]
# ### Exercise 3: right to the last digit, and not collapsed (●●●, open, a few lines)
#
# Place a model without decay where its squared error is 0 (below $10^{-12}$) and $\mathrm{NC1} > 1$. No training: write $W$ and $H$ down. *What does $W$ not look at? NC1 counts scatter along the class means only.*


# %% tags=["exercise"]
def at_zero_loss():
    """A `ufm.UFM(..., loss="squared_error", weight_decay=0, feature_decay=0)`, placed."""
    ...
    raise NotImplementedError("return the model, after model.place(weight, features)")


# %% tags=["check"]
checks.check_at_zero_loss(at_zero_loss)


# %% tags=["solution"]
def at_zero_loss():
    """A `ufm.UFM(..., loss="squared_error", weight_decay=0, feature_decay=0)`, placed."""
    ### BEGIN SOLUTION
    # four outputs read the first four features; the others hold large means, and larger noise
    model = ufm.UFM(4, 15, 8, loss="squared_error", weight_decay=0, feature_decay=0)
    seen = torch.eye(4, dtype=torch.float64)[model.labels]
    return model.place(torch.eye(4, 8), torch.cat([seen, 10 * (seen + torch.randn(60, 4))], 1))
    ### END SOLUTION


checks.check_at_zero_loss(at_zero_loss)

# %% [markdown] tags=["instructor"]
# **For the teacher.** Ninety minutes: section 1 with a vote (10), the nuclear norm on the board (20: $\frac a2 \lVert W \rVert^2 + \frac b2 \lVert M \rVert^2 \geq \sqrt{ab}\, \lVert WM^\top \rVert_*$ is the arithmetic-geometric mean, singular value by singular value), section 2 in groups with the sliders (15), section 3 with a vote (15), section 4 with three pencils held as an umbrella (10), section 5 on the board (10), exercise 1 in pairs (10); section 6 is reading. Votes, questions and known wrong answers: `TEACHING.md`.
#
# The usual misconceptions: *a saddle is a trap* (section 2); *no decay, same end, only later* (section 6); *NC3 follows before the limit, too* (section 5).

# %% [markdown]
# ## Where this stops being true
#
# - **Features after a ReLU** are never negative and cannot form this simplex about the origin.
# - **Unequal classes:** the simplex bends, and rare classes can merge.
# - **More layers:** for many classes something of lower rank can win (notebook 07).
# - **Too little room** ($p < C - 1$): no simplex, and the minimum is no longer unique.
#
# **To read on:** Zhu et al. 2021, sections 2 and 3; Jacot et al. 2024. **Next:** notebook 07 puts layers between. **To cite:** the papers for the results, `CITATION.cff` for this software.
