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
# Notebook 06 set the features of the last layer free and found the simplex waiting at the bottom. Put more layers on top: must *every* layer collapse? For two classes that is a theorem. For more, everybody expected the same. This page shows the theorem, two ways in which descent misses it, and then descents that end **below** collapse.

# %% [markdown]
# | | |
# | --- | --- |
# | **You will be able to** | *write down* the deep unconstrained features model and its least value for two classes · *predict* the decay at which everything turns to zero · *recognise* a rank-1 state in which gradient descent is trapped · *show* solutions that beat collapse, and *say* why they exist |
# | **Needs** | notebook 06; matrix rank, ReLU; no GPU |
# | **Time** | fifteen minutes to read, forty with the exercises; the cells take about a minute on two CPU cores |
# | **Data** | none: the features are free |
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
from nclib.formulas.deep_ufm import DeepUFM, existence_limit, threshold
from nclib.formulas.descent import descend, fit
from nclib.formulas.layers import layer_collapse
from nclib.lessons.claims import claim
from nclib.lessons.deep import checks, fits, grams, pictures
from nclib.widgets.explore import explore

print(runtime.start())

# %% tags=["parameters"]
seed = 0  # of section 1; the other sections begin at many
per_class, width = runtime.choose(ci=(10, 32), laptop=(50, 64))  # n and d of section 1
steps = runtime.choose(ci=1500, laptop=2500)  # of Adam, for most descents
seeds = runtime.choose(ci=3, laptop=5)  # random starts for every setting
many = runtime.choose(ci=5, laptop=20)  # random starts for a histogram

# %% [markdown]
# ## 1. Two classes: every layer collapses
#
# The **deep unconstrained features model** (deep UFM) stands for the last layers of a network on top of a part so flexible that its output can be anything. That output, $H$, is free; then come $L$ matrices with a ReLU $\sigma$ between them, squared error, and a decay on everything. With $K$ classes of $n$ samples, $N = Kn$, and samples as columns as in the papers:
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
# Each square holds the inner products of all samples that enter a layer: first class, then second. Two flat blocks of red say that the samples of a class are one point; white beside them, that the classes are orthogonal. Drag the step.
#
# **What we saw.** (b) and (d). All layers collapse, and the objective stops at a line that was drawn before the descent began. After a ReLU the means are **orthogonal frames**, not simplices: nothing is negative there, and two directions that are nowhere negative are farthest apart at a right angle. (A simplex is such a frame minus its mean.)
#
# **What it does not show.** A frame in $H$ itself: no ReLU acts on it, and there all cosines from 0 to $-\frac{1}{K-1}$ cost the same.
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
# Is that so at other depths and decays? All models below descend at once, as one batch of matrices.


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
# **Question.** More decay makes collapse dearer. Giving up costs ½: outputs of zero, no weights. When is that better?
#
# **Predict.** Turn the decay up slowly. The best $s$ will **(a)** shrink to zero without a step, as with one layer in notebook 06, **(b)** jump to zero. And a descent that stands in collapse when zero becomes better will **(c)** fall to zero there and then, **(d)** stay.
#
# The dots were measured: for every decay one descent from (a little beside) collapse, and one from close to zero.

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
# Left: $f(s)$, its collapsed minimum marked. Right: the value of that minimum against the decay, dashed where zero is better. Move the decay through 1, then up to the dotted line.
#
# **What we saw.** (b) and (d). With two or more layers $f$ begins with a steep rise: zero is a minimum at *every* decay, however small. At
#
# $$\Lambda^* = \frac{(L-1)^{L-1}}{K^{L+1}\, L^{2L}}$$
#
# the other minimum, then at $s = \frac{L-1}{L}$, rises through ½: the best solution jumps. Descent does not notice. Collapse remains a minimum until it meets the maximum between it and zero and both vanish: 1.7 thresholds for two layers, 4 for three, 12 for four. Which state one finds depends on where one comes from: **hysteresis**.
#
# **What it does not show.** What descents from an ordinary random start do; they begin at neither end.

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
# Below the threshold collapse is the global minimum: that is the theorem. It says nothing of whether gradient descent gets there.
#
# **Predict.** Four layers, two classes, five samples each, and starts from small random numbers: **(a)** all descents collapse, **(b)** all end at zero, **(c)** there is a third end.

# %%
sizes = runtime.choose(ci=(0.4, 0.5, 1.0), laptop=(0.4, 0.5, 0.7, 1.0))
shares = runtime.choose(ci=(0.5, 0.9), laptop=(0.03, 0.1, 0.3, 0.5, 0.7, 0.9))
each = [(part, number) for part in shares for number in range(seeds)]
by_size = {i: [around(4, p, init=i, seed=number) for p, number in each] for i in sizes}
for models in by_size.values():
    train_all(models, steps=1500)
drawn = {i: pictures.merging(m, f"starts of size {i:g}").finished() for i, m in by_size.items()}
explore(lambda start_size: drawn[start_size], start_size=list(sizes), start={"start_size": 0.5})

# %% [markdown]
# The descents ran once, in the cell; the slider chooses among them by the size of their start.
#
# **What we saw.** (c). Near the threshold descents from middling starts end on a line half-way between collapse and zero. There all class means of a layer lie on one ray, and the outputs are a matrix of rank 1:

# %%
trapped = by_size[0.5][-seeds]
outputs = trapped().detach()[:: len(trapped.targets) // 2]
pd.DataFrame(outputs, index=["class 0", "class 1"], columns=["output 0", "output 1"]).round(3)

# %% [markdown]
# One row is a multiple of the other: the same output is largest for both classes, so one of them is always wrong. Only one of the $K$ directions is alive. Each direction pays for itself, so a state with $r$ of them alive costs $\frac{r}{K} f + (1 - \frac{r}{K}) \frac12$, where $f$ is the value of collapse.
#
# **What it does not show.** That four layers cannot collapse here: from larger starts they do, and smaller ones end at zero. The theorem is about the landscape; the start decides into which valley one falls.

# %% tags=["self-check"]
ended = {i: pictures.ends(models).query("part > 0.4") for i, models in by_size.items()}
merged, of = ended[0.5][ended[0.5]["rank"] == 1], len(ended[0.5])
claim(f"start 0.5: {len(merged)} of {of} merge though collapse is better", len(merged) >= 0.7 * of)
claim("merged: off half-way", (merged.loss - (merged.collapse + 0.5) / 2).abs(), below=1e-4)
claim("both classes have the same winner", len(set(outputs.argmax(1).tolist())) == 1)
for size, rank in ((1.0, 2), (0.4, 0)):
    share = (ended[size]["rank"] == rank).mean()
    claim(f"start {size}: share that ends with rank {rank}", share, above=0.7)

# %% [markdown]
# ## 4. More classes: below collapse
#
# In the deep UFM with more than two classes, collapse (an orthogonal frame in every layer) has the value of the same formula. Is it the least, too?
#
# **Predict.** Ten classes, four layers, width 30, $\lambda = 0.004$ everywhere (the paper's example), and four classes in six layers. Descents from random starts end **(a)** on the line, **(b)** some on it, some above, **(c)** below it.


# %%
def train_many(num_classes, depth, width, decays, seeds):
    """One sample a class, random starts for every decay."""
    size, each = (num_classes, 1, depth, width), [(d, s) for d in decays for s in range(seeds)]
    pairs = [dict(weight_decay=d, feature_decay=d, seed=s) for d, s in each]
    return train_all([DeepUFM(*size, **options) for options in pairs])


four, ten = train_many(4, 6, 32, [1e-3], many), train_many(10, 4, 30, [4e-3], many)
graph = nclib.deep_ufm.graph_loss(10, 4, ten[0].decay_product)[0]
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
# **What we saw.** (c). Not a failure of descent: these solutions are *better* than collapse, by several per cent, and random starts find them at once. What do they look like?
#
# One can be built by hand. Take as classes the ten edges between five points, and describe an edge by which points it joins: the **incidence matrix** $A$, one row a point. An edge shares two points with itself, one with its neighbours, none with the others. So $A^\top A - 1$ (one subtracted from every entry) is 1, 0 or $-1$; and a ReLU makes **the identity** of it.

# %%
pairs_of = torch.combinations(torch.arange(5))
incidence = torch.zeros(5, 10).scatter_(0, pairs_of.T, 1.0)
before = incidence.T @ incidence - 1
identity = torch.equal(before.relu(), torch.eye(10))
print(f"rank {torch.linalg.matrix_rank(before)} before the ReLU; the identity after it: {identity}")

# %% [markdown]
# Ten directions are kept in five, layer after layer, and unfolded by the last ReLU. That is the trick: **rank costs in every layer, unfolding once** (Súkeník et al. 2024 build it from strongly regular graphs). Below, the inner products of the class means in each layer: of collapse, of the graph, of a descent that begins beside the graph, and of the best one from a random start.

# %%
size, settings = (10, 1, 4, 30), dict(weight_decay=4e-3, feature_decay=4e-3)
rivals = {"collapse": DeepUFM(*size, **settings).start_collapsed()}
rivals["graph"] = DeepUFM(*size, **settings).start_graph()
(rivals["from the graph"],) = train_all([fits.nudged(DeepUFM(*size, **settings).start_graph())])
rivals["random start"] = min(ten, key=lambda model: model.objective().item())
grams.layer_grams(rivals)

# %% [markdown]
# **What we saw.** The graph beats collapse, and is not the optimum either: a descent from it keeps which classes meet, lets the last matrix do part of the unfolding, and ends lower. Random starts mostly end at something less regular, often below the graph as well; now and then one finds a whole graph by itself. The check counts those: classes that do *not* meet must form the Petersen graph, whose adjacency matrix solves $P^2 + P = 2I + J$, with $J$ all ones.


# %%
def finds_graph(model):
    """Whether the classes that are orthogonal before the last ReLU form the Petersen graph."""
    means = model.class_means()[2]
    gram = means @ means.T
    apart = (gram < 0.02 * gram.diagonal().mean()).double()
    return torch.equal(apart @ apart + apart, 2 * torch.eye(10) + torch.ones(10, 10).double())


# %% tags=["self-check"]
values = {name: model.objective().item() for name, model in rivals.items()}
ranks = {name: [layer.rank for layer in layer_collapse(m)] for name, m in rivals.items()}
claim("the ReLU makes the identity", identity)
claim("graph's objective, by formula", values["graph"], near=graph, below=1e-6)
claim("descent < graph < collapse", values["from the graph"] < values["graph"] < values["collapse"])
claim("random start, below the graph", values["random start"], below=values["graph"])
claim("ranks of collapse are 10", ranks["collapse"] == [10] * 4)
claim("ranks 5, 5, 5, 10", ranks["graph"] == ranks["from the graph"] == [5, 5, 5, 10])
claim("a graph stays one", [finds_graph(rivals[x]) for x in ("graph", "from the graph")])
print(f"random starts that found a graph: {sum(map(finds_graph, ten))} of {len(ten)}")

# %% [markdown]
# **Predict.** Turning the decay up, the rank of the descents will go **(a)** up, **(b)** down. Making the layers wider, **(c)** up, **(d)** down, **(e)** it does not matter.

# %%
lambdas = runtime.choose(ci=[1e-3, 6e-3], laptop=[1e-3, 2e-3, 4e-3, 6e-3])
by_decay = train_many(10, 4, 30, lambdas, seeds)
breadths = runtime.choose(ci=(16, 64), laptop=(16, 30, 40, 64))
by_width = [m for d in breadths for m in train_many(10, 4, d, [4e-3], seeds)]
pictures.least_rank(by_decay, by_width)

# %% [markdown]
# **What we saw.** (b) and (c). Decay is what rank is paid in. The width is a surprise, for the optimum does not depend on it: the low-rank solutions of a narrow model fit into a wide one, at the same cost. Wide random starts of this size do not lead there: the descents at the right end stop at collapse, which is *not* the best solution. Here collapse is a bias of the descent, not of the objective.

# %% tags=["self-check"]
decayed, widened = pictures.ends(by_decay), pictures.ends(by_width)
of_decay = decayed.groupby("decay")["rank"].mean()
of_width = widened.groupby("width")["rank"].mean()
claim("rank falls with decay, below 10", of_decay.iloc[-1] < of_decay.iloc[0] < 10)
claim(f"rank rises with width: {of_width.round(1).to_dict()}", of_width.is_monotonic_increasing)
wide = widened.query("width == 64")
claim("width 64 has full rank", wide["rank"] == 10)
claim("width 64: objective ÷ collapse's", wide.loss / wide.collapse, near=1, below=3e-3)
claim("least objective, all widths ÷ width 64", widened.loss.min() / wide.loss.min(), below=0.95)

# %% [markdown]
# ## 5. Is deep neural collapse really optimal?
#
# | | two classes | more classes |
# | --- | --- | --- |
# | **DNC1**, samples of a class coincide | at every optimum | not asked here: one sample a class |
# | **DNC2, DNC3**, orthogonal frames, aligned weights | at every optimum below the threshold | not optimal when layers and classes are many |
# | **what descent finds** | collapse, merging or zero, by start and decay | low rank in narrow models, collapse in wide ones (ten classes, four layers) |
#
# The decays, spread over many layers, act like a penalty on rank. With two classes there is nothing to save: rank 1 cannot tell them apart. With more classes and layers there is.

# %% [markdown] tags=["exercise"]
# ## Exercises
#
# ### Exercise 1: out of the trap (●○○, two lines)
#
# Find a start from which two classes in **four or more** layers collapse although $\Lambda$ is between 0.5 and 0.9 of the threshold: return the trained model. Use `around` and `train_all`. Expected: an objective within 0.001 of collapse.


# %% tags=["exercise"]
def escape():
    """A trained model of two classes, in collapse near the threshold."""
    ...
    raise NotImplementedError("return a trained model")


# %% tags=["check"]
checks.check_escape(escape)


# %% tags=["solution"]
def escape():
    """A trained model of two classes, in collapse near the threshold."""
    ### BEGIN SOLUTION
    (model,) = train_all([around(4, 0.7, init=1.0)])
    return model
    ### END SOLUTION


checks.check_escape(escape)


# %% [markdown] tags=["exercise"]
# ### Exercise 2: the jump (●●○, paper and pencil, then one line)
#
# At the threshold collapse costs as much as zero. Which scale $s$ do its outputs have there? Derive it from $f(s) = \frac12$ and $f'(s) = 0$. *The answer depends on $L$ alone; section 2 states it.* Expected: ½ for two layers, and the marked minimum of section 2's left panel at decay 1.


# %% tags=["exercise"]
def scale_at_threshold(depth):
    """Scale of the outputs in collapse, where zero is as good."""
    ...
    raise NotImplementedError("return one number")


# %% tags=["check"]
checks.check_jump(scale_at_threshold)


# %% tags=["solution"]
def scale_at_threshold(depth):
    """Scale of the outputs in collapse, where zero is as good."""
    ### BEGIN SOLUTION
    # with P the decays' part: P = s - s²/2 and 1 - s = 2P/((L+1)s), so (1-s)(L+1) = 2 - s
    return (depth - 1) / depth
    ### END SOLUTION


checks.check_jump(scale_at_threshold)


# %% [markdown] tags=["exercise"]
# ### Exercise 3: three dimensions are enough (●●●, open, four lines)
#
# The graph keeps ten classes in rank 5. Do better: for any $K \ge 4$ find a $K \times K$ matrix of rank **at most 3** whose ReLU is the identity. *Put $K$ points on a circle.* Then think: why does descent not end there? (Compare the norms of your matrix with those of the graph's, before the ReLU.)


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
# **For the teacher.** Ninety minutes: sections 1 and 2 with the inequality of the means on the board (30), a vote before section 3 (10), section 4 in groups (25), exercises 2 and 3 (25). On the board: the incidence matrix of a tetrahedron's six edges, and why $A^\top A - 1$ has 1, 0 and $-1$. The votes' answers, questions for the class and the wrong answers that each check knows are in `TEACHING.md`.
#
# The usual misconceptions: *a theorem about the global minimum says where gradient descent ends* (section 3); *the threshold is where collapse is lost* (section 2: where it stops being best); *low rank means that classes are confused* (section 4: the ReLU tells them apart again).
#
# Exercise 3: with many classes the circle's neighbours are close, and dividing by $1 - \cos(2\pi/K)$ makes the matrix large where it is negative. Rank is cheap there, the norm is not.

# %% [markdown]
# ## What agrees with the papers, and what does not
#
# **Agrees:** for two classes the measured optimum is the theory's, in every layer; the threshold; descents below collapse at the paper's setting for ten classes, at lower rank; more rank with more width.
#
# **Differs:** we use Adam from small starts instead of gradient descent with a large step, because it takes seconds. Our graph's value was derived for this page: it beats collapse from four layers and six classes on, not at three layers. The papers stay away from hysteresis and merging by small decays.
#
# ## Where this stops being true
#
# - **Other starts.** Which solution a descent finds depends on the size of its start more than on the seed, and with depth and width other sizes do.
# - **Real features are not free.** Whether trained networks have low rank in their middle layers is measured in notebook 08.
# - **Cross-entropy:** another problem; low-rank solutions are known there for linear layers (Garrod, Keating 2025).
#
# **Next:** notebook 08 looks for all of this in trained networks. **To cite:** Súkeník, Mondelli, Lampert 2023 and 2024 for the results, `CITATION.cff` for this software.
