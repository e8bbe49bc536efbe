# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] tags=["nc-badges"]
# # Deep neural collapse, and when it is not optimal
#
# <!-- badges: written by tools/nb.py stamp -->
# *To run it: open it in JupyterLab, Notebook, VS Code or a hosted notebook service;
# the set-up cell finds the library.*
# <!-- /badges -->
#
# Notebook 06 set the features of the last layer free and found the simplex waiting at the bottom. Put more layers on top: must *every* layer collapse? For two classes that is a theorem. This page shows the theorem, two ways in which descent misses it, and descents that end **below** collapse.

# %% [markdown]
# | | |
# | --- | --- |
# | **You will be able to** | *write down* the deep unconstrained features model and its least value for two classes · *predict* the decay at which everything turns to zero · *recognise* a rank-1 state in which gradient descent is trapped · *show* solutions that beat collapse, and *say* why they exist |
# | **Needs** | notebook 06; matrix rank, ReLU; no GPU |
# | **Time** | fifteen minutes to read, forty with the exercises; the cells take about a minute on two CPU cores |
# | **Data** | none: the features are free; one table of 336 descents is recorded |
# | **Paper** | Súkeník, Mondelli, Lampert 2023, [*Deep neural collapse is provably optimal for the deep unconstrained features model*](https://arxiv.org/abs/2305.13165); 2024, [*Neural collapse versus low-rank bias: is deep neural collapse really optimal?*](https://arxiv.org/abs/2405.14468) |

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
import pandas as pd
import torch

import nclib
from nclib import runtime
from nclib.formulas.deep_ufm import DeepUFM, existence_limit, graph_loss, threshold
from nclib.formulas.descent import descend, fit
from nclib.formulas.layers import layer_collapse
from nclib.lessons.claims import claim
from nclib.lessons.deep import checks, fits, grams, maps, pictures, starts
from nclib.widgets.explore import explore

print(runtime.start())

# %% tags=["parameters"]
seed = 0  # of section 1; the other sections begin at many
per_class, width = runtime.choose(ci=(10, 32), laptop=(50, 64))  # n and d of section 1
steps = runtime.choose(ci=1500, laptop=2500)  # of Adam, for most descents
seeds = runtime.choose(ci=3, laptop=5)  # random starts for every setting
many = runtime.choose(ci=5, laptop=20)  # random starts for a histogram
sizes = runtime.choose(ci=(0.4, 0.5, 1.0), laptop=(0.4, 0.5, 0.7, 1.0))  # of section 3's starts
shares = runtime.choose(ci=(0.5, 0.9), laptop=(0.03, 0.1, 0.3, 0.5, 0.7, 0.9))  # of its threshold
lambdas = runtime.choose(ci=[1e-3, 6e-3], laptop=[1e-3, 2e-3, 4e-3, 6e-3])  # of section 4

# %% [markdown]
# ## 1. Two classes: every layer collapses
#
# The **deep unconstrained features model** (deep UFM) stands for the last layers of a network on top of a part so flexible that its output $H$ is free. Then come $L$ matrices with a ReLU $\sigma$ between them, squared error, and a decay on everything. With $K$ classes of $n$ samples, $N = Kn$, and samples as columns as in the papers:
#
# $$\frac{1}{2N} \lVert W_L\,\sigma(W_{L-1} \cdots \sigma(W_1 H)) - Y \rVert^2 + \sum_{l=1}^{L} \frac{\lambda_l}{2} \lVert W_l \rVert^2 + \frac{\lambda_H}{2} \lVert H \rVert^2$$
#
# **Predict.** After the descent, two samples of the *same* class will enter **(a)** the last layer alone, **(b)** every layer, as one and the same vector. And two of *different* classes, after a ReLU: **(c)** opposite, **(d)** orthogonal?

# %%
two = DeepUFM(2, per_class, 3, width, weight_decay=5e-3, feature_decay=1e-3, init=0.5, seed=seed)
descent = descend([two], steps=runtime.choose(ci=1500, laptop=4000), record_every=20)
strip, shown = grams.layer_strip(two, descent)
explore(strip, step=shown, start={"step": shown[-1]})

# %% [markdown]
# Each square holds the inner products of all samples that enter a layer. Flat red blocks: the samples of a class are one point. White beside them: the classes are orthogonal. Drag the step.
#
# **What we saw.** (b) and (d). All layers collapse, and the objective stops at a line drawn before the descent began. After a ReLU the means are **orthogonal frames**, not simplices: nothing is negative there, and two directions that are nowhere negative are farthest apart at a right angle. (A simplex is such a frame minus its mean.)
#
# **What it does not show.** A frame in $H$ itself: no ReLU acts on it, and there all cosines from 0 to $-\frac{1}{K-1}$ cost the same.
#
# **DNC1–DNC3** in the check are numbers of the paper's own, not NC1–NC3: $\operatorname{tr}\Sigma_W / \operatorname{tr}\Sigma_B$; largest over least singular value of the class means, uncentred; the sine of the angle from a weight's row to its nearest mean.
#
# **The line.** Let the outputs be $s$ times the one-hot targets. Each of the $K$ directions passes through $L + 1$ factors, $H$ and the weights, that multiply to $s$; what they cost is least when all cost the same (the inequality of the means), so with $\Lambda = n \lambda_H \lambda_1 \cdots \lambda_L$ what is left is one unknown (Súkeník et al. 2023):
#
# $$f(s) = \tfrac12 (1 - s)^2 + \tfrac{L+1}{2}\, K\, (\Lambda s^2)^{\frac{1}{L+1}}$$


# %%
def collapse_value(num_classes, depth, decay_product):
    """Least f(s) over a fine grid of s."""
    s = torch.linspace(0, 1, 100_001, dtype=torch.float64)
    root = (decay_product * s**2) ** (1 / (depth + 1))
    return float(((1 - s) ** 2 / 2 + (depth + 1) / 2 * num_classes * root).min())


# %% tags=["self-check"]
value, _ = nclib.deep_ufm.collapse_loss(2, 3, two.decay_product)
layers, energies = pd.DataFrame(map(vars, layer_collapse(two))), two.energies().detach()
claim("least value on the grid", collapse_value(2, 3, two.decay_product), near=value, below=1e-8)
claim("objective of the descent", two.objective().item(), near=value, below=2e-5)
claim("λ‖W‖² of the layers, spread ÷ mean", energies.std() / energies.mean(), below=0.01)
claim("DNC1 of all layers", layers.dnc1, below=1e-6)
claim("DNC2 from the second layer on: orthogonal frames", layers.dnc2[1:], below=1.05)
claim("DNC3 from the second layer on: weights follow means", layers.dnc3[1:], below=0.06)

# %% [markdown]
# Other depths and decays, all in one batch:


# %%
def around(depth, part, per_class=5, width=32, **start):
    """Two classes; all decays equal, such that Λ is a part of the threshold (section 2)."""
    decay = (part * threshold(2, depth) / per_class) ** (1 / (depth + 1))
    options = dict(weight_decay=decay, feature_decay=decay, **start)
    return DeepUFM(2, per_class, depth, width, **options)


def train_all(models, steps=steps):
    """Descend with all of them at once; the same models again."""
    fit(models, steps=steps)
    return models


# %%
parts = runtime.choose(ci=(1e-3, 5e-2), laptop=(1e-3, 3e-3, 1e-2, 2e-2, 5e-2))
grid = [around(depth, part, init=1) for depth in range(2, 7) for part in parts]
pictures.losses_against_theory(train_all(grid))

# %% tags=["self-check"]
table = pictures.ends(grid)
claim("2 to 6 layers: objective off theory", (table.loss - table.collapse).abs(), below=1e-3)

# %% [markdown]
# ## 2. The threshold, and what it does not do
#
# **Question.** More decay makes collapse dearer. Giving up, all zero, costs ½. When is that better?
#
# **Predict.** Turn the decay up slowly. The best $s$ will **(a)** shrink to zero without a step, as with one layer in notebook 06, **(b)** jump to zero. And a descent that stands in collapse when zero becomes better will **(c)** fall to zero there and then, **(d)** stay.
#
# The dots are descents: for every decay one from a little beside collapse, one from close to zero.

# %%
depths, far = (2, 3, 4), (0.1, 0.3, 0.6, 0.9, 1.1, 1.5, 2.0, 3.5, 6.0, 10.0, 20.0)
small, pairs = dict(per_class=2, width=8), [(depth, part) for depth in depths for part in far]


def from_collapse(depth, part):
    """Beside collapse; beyond the decay where it ceases to exist, where it was last seen."""
    last = min(part, 0.999 * existence_limit(2, depth) / threshold(2, depth))
    model = around(depth, part, **small)
    model.load_state_dict(around(depth, last, **small).start_collapsed().state_dict())
    return fits.nudged(model)


# %%
kept = [from_collapse(*pair) for pair in pairs]
fallen = [around(*pair, **small, init=0.05) for pair in pairs]
train_all([*kept, *fallen], steps=1200)
crossing = pictures.threshold_crossing(kept, fallen)
decays = [round(10 ** (k / 10), 2) for k in range(-10, 14)]
explore(crossing, depth=depths, decay=decays, start={"depth": 3, "decay": 0.79})

# %% [markdown]
# Left: $f(s)$, its collapsed minimum marked; right: that minimum's value against the decay, dashed where zero is better. Move the decay through 1, then up to the dotted line.
#
# **What we saw.** (b) and (d). With two or more layers $f$ begins with a steep rise: zero is a minimum at *every* decay, however small. At
#
# $$\Lambda^* = \frac{(L-1)^{L-1}}{K^{L+1}\, L^{2L}}$$
#
# the other minimum, then at $s = \frac{L-1}{L}$, rises through ½: the best solution jumps. Descent does not notice. Collapse remains a minimum until it meets the maximum between it and zero and both vanish: 1.7 thresholds for two layers, 4 for three, 12 for four. Which state one finds depends on where one comes from: **hysteresis**.
#
# **What it does not show.** Descents from ordinary random starts: they begin at neither end.

# %% tags=["self-check"]
stays, falls = pictures.ends(kept), pictures.ends(fallen)
for depth, limit in ((2, 1.7), (3, 4), (4, 12)):
    exact = existence_limit(2, depth) / threshold(2, depth)
    of = stays[stays.depth == depth].set_index("part").loss
    claim(f"depth {depth}: thresholds up to the limit ÷ {limit}", exact / limit, near=1, below=0.02)
    claim(f"depth {depth}: collapse below Λ*", of.loc[:1], below=0.5)
    claim(f"depth {depth}: kept beyond Λ*", of.loc[1 : exact * 0.99], above=0.5005)
    claim(f"depth {depth}: zero past the limit", of.loc[exact:], near=0.5, below=1e-4)
claim("zero from a start close to it", falls.loss, near=0.5, below=1e-4)

# %% [markdown]
# ## 3. A trap: two classes become one
#
# Below the threshold collapse is the global minimum: the theorem. Does descent get there?
#
# **Predict.** Four layers, two classes, five samples each, and starts from small random numbers: **(a)** all descents collapse, **(b)** all end at zero, **(c)** there is a third end.

# %%
each = [(part, number) for part in shares for number in range(seeds)]
by_size = {i: train_all([around(4, p, init=i, seed=s) for p, s in each], 1500) for i in sizes}
drawn = {i: pictures.merging(m, f"starts of size {i:g}").finished() for i, m in by_size.items()}
explore(lambda start_size: drawn[start_size], start_size=list(sizes), start={"start_size": 0.5})

# %% [markdown]
# The slider chooses the size of the starts.
#
# **What we saw.** (c). Near the threshold descents from middling starts end on a line half-way between collapse and zero. There all class means of a layer lie on one ray, and the outputs are a matrix of rank 1:

# %%
trapped = by_size[0.5][-seeds]
outputs = trapped().detach()[:: len(trapped.targets) // 2]
pd.DataFrame(outputs, index=["class 0", "class 1"], columns=["output 0", "output 1"]).round(3)

# %% [markdown]
# The same output is largest for both classes: one of them is always wrong. One of the $K$ directions is alive. Each pays for itself, so a state with $r$ of them alive costs $\frac{r}{K} f + (1 - \frac{r}{K}) \frac12$, where $f$ is the value of collapse.
#
# **Why it stays.** A dead direction passes $L + 1$ factors, all zero. Wake each to a size $\varepsilon$: the fit gains in order $\varepsilon^{L+1}$, the decays take in order $\varepsilon^2$, and from two layers on they win near zero: no eigenvalue of the Hessian is negative. (With one layer both orders are 2, and the lost direction of notebook 06 was a saddle.)
#
# **What it does not show.** That four layers cannot collapse here: from larger starts they do. The theorem is about the landscape; the start decides where one falls.

# %% tags=["self-check"]
ended = {i: pictures.ends(models).query("part > 0.4") for i, models in by_size.items()}
merged, of = ended[0.5][ended[0.5]["rank"] == 1], len(ended[0.5])
claim(f"start 0.5: {len(merged)} of {of} merge though collapse is better", len(merged) >= 0.7 * of)
claim("merged: off half-way", (merged.loss - (merged.collapse + 0.5) / 2).abs(), below=1e-4)
claim("both classes have the same winner", len(set(outputs.argmax(1).tolist())) == 1)
for size in sizes:
    rank = {0.4: 0, 0.5: 1}.get(size, 2)
    share = (ended[size]["rank"] == rank).mean()
    claim(f"start {size}: share that ends with rank {rank}", share, above=0.7)

# %% tags=["self-check"]
caught = [around(depth, 0.7, **small, init=0.6, seed=3).double() for depth in (3, 4)]
claim("three and four layers: merged", pictures.ends(train_all(caught, 1500))["rank"] == 1)
claim("least eigenvalue of the Hessian there", list(map(fits.least_curvature, caught)), above=-1e-9)
orders = fits.waking_orders((2, 3, 4, 5), 0.7)
claim("order of the gain, less the depth", orders.gain - orders.index, near=1, below=0.01)
claim("order of the cost", orders.cost, near=2, below=0.01)

# %% [markdown]
# ## 4. More classes: below collapse
#
# With more classes, collapse has the value of the same formula. Is it the least, too?
#
# **Predict.** Ten classes, four layers, width 30, $\lambda = 0.004$ everywhere (the paper's example); and four classes in six layers. Descents from random starts end **(a)** on the line, **(b)** some on it, some above, **(c)** below it.


# %%
def train_many(num_classes, depth, width, decays, seeds):
    """One sample a class, random starts for every decay."""
    size, each = (num_classes, 1, depth, width), [(d, s) for d in decays for s in range(seeds)]
    pairs = [dict(weight_decay=d, feature_decay=d, seed=s) for d, s in each]
    return train_all([DeepUFM(*size, **options) for options in pairs])


four, ten = train_many(4, 6, 32, [1e-3], many), train_many(10, 4, 30, [4e-3], many)
graph = graph_loss(10, 4, ten[0].decay_product)[0]
groups = {"K = 4, L = 6, d = 32, λ = 0.001": four, "K = 10, L = 4, d = 30, λ = 0.004": ten}
pictures.below_collapse(groups, {list(groups)[1]: {"graph": graph}})

# %% tags=["self-check"]
for name, models in groups.items():
    table = pictures.ends(models)
    below, collapse = table[table.loss < 0.97 * table.collapse], table.collapse[0]
    said = f"{name}: {len(below)} of {len(table)} from {table.loss.min():.5f} on"
    claim(f"{said}, below collapse at {collapse:.5f}", len(below) >= 0.8 * len(table))
    claim(f"{name}: their rank is below {table.classes[0]}", below["rank"] < below.classes)

# %% [markdown]
# **What we saw.** (c). These solutions are *better* than collapse. What do they look like?
#
# One can be built by hand. Take as classes the ten edges between five points, and describe an edge by which points it joins: the **incidence matrix** $A$, one row a point. An edge shares two points with itself, one with its neighbours, none with the others. So $A^\top A - 1$ (from every entry) is 1, 0 or $-1$; and a ReLU makes **the identity** of it.

# %%
pairs_of = torch.combinations(torch.arange(5))
incidence = torch.zeros(5, 10).scatter_(0, pairs_of.T, 1.0)
before = incidence.T @ incidence - 1
claim("rank 5 before the ReLU", torch.linalg.matrix_rank(before) == 5)
claim("the identity after it", torch.equal(before.relu(), torch.eye(10)))

# %% [markdown]
# Five dimensions carry ten directions from layer to layer, and the last ReLU unfolds them: **rank costs in every layer, unfolding once** (from strongly regular graphs: Súkeník et al. 2024). Below, inner products of the class means, layer by layer: of collapse, the graph, a descent from beside it, and the best one from a random start.

# %%
size, settings = (10, 1, 4, 30), dict(weight_decay=4e-3, feature_decay=4e-3)
rivals = {"collapse": DeepUFM(*size, **settings).start_collapsed()}
rivals["graph"] = DeepUFM(*size, **settings).start_graph()
beside = [DeepUFM(10, 1, depth, 30, **settings).start_graph() for depth in (3, 4)]
three, rivals["from the graph"] = train_all([fits.nudged(model) for model in beside])
rivals["random start"] = min(ten, key=lambda model: model.objective().item())
grams.layer_grams(rivals)

# %% [markdown]
# **What we saw.** The graph beats collapse, and is not the optimum either: a descent from it keeps which classes meet, lets the last matrix do part of the unfolding, and ends lower. The best random start ends below the graph, too. At three layers the graph costs *more* than collapse, and a descent from beside it still ends below.

# %% tags=["self-check"]
values = pictures.ends(rivals.values()).set_index([[*rivals]]).loss
claim("graph's objective, by formula", values["graph"], near=graph, below=1e-6)
claim("graph, below collapse", values["graph"], below=values["collapse"])
claim("descents, below the graph", values[["from the graph", "random start"]], below=graph)
for name in ("graph", "from the graph"):
    ranks = [layer.rank for layer in layer_collapse(rivals[name])]
    claim(f"{name}: a whole graph", grams.is_whole_graph(rivals[name]) and ranks == [5, 5, 5, 10])
(line,) = pictures.ends([three]).collapse
claim("three layers: graph ÷ collapse", graph_loss(10, 3, 4e-3**4)[0] / line, above=1.03)
claim("three layers: from beside it ÷ collapse", three.objective().item() / line, below=0.95)

# %% [markdown]
# **Predict.** Turning the decay up, the rank of the descents will go **(a)** up, **(b)** down.

# %%
by_decay = train_many(10, 4, 30, lambdas, seeds)
pictures.least_rank(by_decay)

# %% [markdown]
# **What we saw.** (b).
#
# **Predict.** With wider layers, from starts of one size, rank will go **(a)** up, **(b)** down. In a wide model a smaller start **(c)** leads below collapse again, **(d)** changes nothing.

# %%
recorded = starts.load_starts()
first = {"depth": 3, "size": 0.28}
explore(maps.starts_map(recorded), depth=[3, 4], size=list(starts.SIZES), start=first)

# %% [markdown]
# Six seeds a cell, $\lambda = 0.004$; *collapse* is full rank and an objective within 0.3 % of its value. At the right, ranks of the starts in the frame: move it.
#
# **What we saw.** (a) and (c). At one size of the start, mean rank never fell when the width doubled; widths of 64 and more collapsed from size 0.4 on, although lower solutions fit into them at the same cost. But width alone decides nothing: at *every* width most seeds end below collapse from some smaller start. (In four layers a still smaller one loses classes.) Where features begin with one norm, size shrinking like $1/\sqrt d$, rank changes less with width (three layers).
#
# **By counting.** A solution of rank $r$ chooses $r$ orthonormal directions in each space of width $d$: that leaves $rd - \frac{r(r+1)}{2}$ numbers free. So the set of collapsed solutions grows fastest with width (Garrod, Keating 2025; for linear layers and, under assumptions, ReLUs).
#
# **What it does not show.** That counting is the cause: the map does not test it. Not tried: optimisers other than Adam, other decays, more samples.

# %% tags=["self-check"]
decayed = pictures.ends(by_decay).groupby("decay")["rank"].mean()
claim("rank with more decay: step", decayed.diff()[1:], below=0)
ranks = recorded.pivot_table("rank", ["depth", "size"], "width")
claim("one size, twice the width: step of the rank", ranks.diff(axis=1).iloc[:, 1:], above=-1e-9)
best = starts.shares(recorded, "below").groupby(["depth", "width"]).max().unstack()
claim("every depth and width: share below collapse, at the best size", best, above=0.6)
large, tiny = recorded.query("width >= 64 and size >= 0.4"), recorded.query("size <= 0.1")
claim(f"{len(large)} large starts of wide models collapse", large.end == "collapse")
claim("four layers, size 0.1: classes lost", tiny[tiny.depth == 4].end == "lost")
spans = starts.spans(ranks.loc[3])
claim("range of the ranks: of one norm ÷ of one size", spans["norm"] / spans["size"], below=0.6)

# %% [markdown]
# ## 5. Is deep neural collapse really optimal?
#
# | | two classes | more classes |
# | --- | --- | --- |
# | **DNC1**, samples of a class coincide | at every optimum | not asked here: one sample a class |
# | **DNC2, DNC3**, orthogonal frames, aligned weights | at every optimum below the threshold | not optimal: ten classes in three or four layers, four in six |
# | **what descent finds** | collapse, merging or zero, by start and decay | below collapse, collapse, above it, or classes lost: by decay, width and start |
#
# The decays, spread over many layers, act like a penalty on rank. With two classes there is nothing to save: rank 1 cannot tell them apart.

# %% [markdown] tags=["exercise"]
# ## Exercises
#
# ### Exercise 1: how hard a kick? (●●○, four lines)
#
# In the trap the dead direction stands at $s = 0$ of $f$. Kick it, all its factors alike, to an output of scale $s$: from which $s$ on does descent take it to collapse? Two classes, `depth` layers, $\Lambda$ a `part` of the threshold. *Section 2's left panel shows the hill.* Expected: 0.075 for four layers at 0.7.


# %% tags=["exercise"]
def barrier(depth, part):
    """The scale s beyond which f leads down to collapse; f is tabulated in `collapse_value`."""
    ...
    raise NotImplementedError("return one number")


# %% tags=["check"]
checks.check_barrier(barrier)


# %% tags=["solution"]
def barrier(depth, part):
    """The scale s beyond which f leads down to collapse; f is tabulated in `collapse_value`."""
    ### BEGIN SOLUTION
    s = torch.linspace(1e-4, 1, 100_001, dtype=torch.float64)
    root = (part * threshold(2, depth) * s**2) ** (1 / (depth + 1))
    cost = (1 - s) ** 2 / 2 + (depth + 1) * root
    return float(s[(cost.diff() < 0).int().argmax()])  # where it falls for the first time
    ### END SOLUTION


checks.check_barrier(barrier)


# %% [markdown] tags=["exercise"]
# ### Exercise 2: the last of collapse (●●○, paper and pencil, then one line)
#
# Collapse stays a minimum up to the dotted line of section 2. Which scale $s$ do its outputs have there? *The slope of $f$ and the slope's slope vanish.* It depends on $L$ alone. Expected: ¼ for two layers.


# %% tags=["exercise"]
def last_scale(depth):
    """Scale of the outputs where collapse ceases to exist."""
    ...
    raise NotImplementedError("return one number")


# %% tags=["check"]
checks.check_last(last_scale)


# %% tags=["solution"]
def last_scale(depth):
    """Scale of the outputs where collapse ceases to exist."""
    ### BEGIN SOLUTION
    # f' is s - 1 + c s^-q, q = (L-1)/(L+1): its slope vanishes where c s^-q = s/q, so s - 1 = -s/q
    return (depth - 1) / (2 * depth)
    ### END SOLUTION


checks.check_last(last_scale)


# %% [markdown] tags=["exercise"]
# ### Exercise 3: three dimensions are enough (●●●, open, four lines)
#
# The graph keeps ten classes in rank 5. Do better: for any $K \ge 4$ find a $K \times K$ matrix of rank **at most 3** whose ReLU is the identity. *Put $K$ points on a circle.* Why does descent not end there? Compare norms with the graph's.


# %% tags=["exercise"]
def unfold(num_classes):
    """A matrix (K, K) of rank ≤ 3 whose ReLU is the identity."""
    ...
    raise NotImplementedError("return a matrix")


# %% tags=["check"]
checks.check_unfolding(unfold)


# %% tags=["solution"]
def unfold(num_classes):
    """A matrix (K, K) of rank ≤ 3 whose ReLU is the identity."""
    ### BEGIN SOLUTION
    angles = 2 * torch.pi * torch.arange(num_classes, dtype=torch.float64) / num_classes
    cosines = (angles[:, None] - angles).cos()
    neighbours = cosines[0, 1]  # the largest product of two classes: subtract it
    return (cosines - neighbours) / (1 - neighbours)
    ### END SOLUTION


checks.check_unfolding(unfold)

# %% [markdown] tags=["instructor"]
# **For the teacher.** Ninety minutes: sections 1 and 2 (30), a vote before section 3 (10), section 4 in groups (25), exercises 2 and 3 (25). On the board: the incidence matrix of a tetrahedron's six edges. Answers, questions for the class and known wrong answers are in `TEACHING.md`.
#
# The usual misconceptions: *the threshold is where collapse is lost* (section 2); *low rank means that classes are confused*; *wide networks must collapse* (section 4).

# %% [markdown]
# ## What agrees with the papers, and what does not
#
# **Agrees:** for two classes the measured optimum is the theory's, in every layer; the threshold; descents below collapse at the paper's setting for ten classes, at lower rank; more rank with more width, from starts of one size.
#
# **Differs:** we use Adam, not gradient descent. Our graph's value was derived for this page: it beats collapse from four layers and six classes on; at three layers, other solutions do.
#
# ## Where this stops being true
#
# - **Real features are not free.** Whether trained networks have low rank in their middle layers is not asked here.
# - **Cross-entropy:** another problem; low-rank solutions are known there, too (Garrod, Keating 2025, [*The persistence of neural collapse despite low-rank bias*](https://arxiv.org/abs/2410.23169)).
#
# **To cite:** Súkeník, Mondelli, Lampert 2023 and 2024 for the results, `CITATION.cff` for this software.
