# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] tags=["nc-badges"]
# # Collapse through the layers
#
# <!-- badges: written by tools/nb.py stamp -->
# *To run it: open it in JupyterLab, Notebook, VS Code or a hosted notebook service;
# the set-up cell finds the library.*
# <!-- /badges -->
#
# Neural collapse is said of the last layer. What do the layers before it do? In some networks each of them tightens the classes by the same factor, as if by law; in others the last few do most. Which story you hear depends on the network, and on how it is told.

# %% [markdown]
# | | |
# | --- | --- |
# | **You will be able to** | *measure* collapse layer by layer · *test* the law of equal improvement with two numbers, and know why one is not enough · *answer* whether collapse moves backwards · *see* what positions, few samples and shuffled labels do to the story · *compare* a trained network with the deep model |
# | **Needs** | notebooks 00 and 02; notebook 07 for section 5; no GPU |
# | **Time** | fifteen minutes to read, forty with the exercises; the cells take under a minute on two CPU cores |
# | **Data** | digits, which come with scikit-learn; recorded runs of the package |
# | **Paper** | He & Su 2023, [*A law of data separation in deep learning*](https://arxiv.org/abs/2210.17020); Rangamani et al. 2023, *Feature learning in deep classifiers through intermediate neural collapse*; Súkeník, Mondelli, Lampert 2023 and 2024 |

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
from functools import partial

import pandas as pd
import torch

import nclib
from nclib import runtime
from nclib.formulas.law import fall_after, falls_with_depth
from nclib.lessons.claims import claim
from nclib.lessons.layers import checks, fronts, heads, law, pictures, story
from nclib.runs.law_grid import load_law_grid
from nclib.runs.layer_runs import load_layer_run
from nclib.runs.presets import cosine_schedule
from nclib.widgets.explore import explore
from nclib.widgets.replay import replay

print(runtime.start())

# %% tags=["parameters"]
seed = 0  # of weights and order, of what is trained here
epochs = 100  # of the MLP; 3 s on an idle core
watched = [0, 1, 2, 5, 20, epochs]  # epochs at which it is measured
epochs_convnet = runtime.choose(ci=12, laptop=20)  # section 4

# %% [markdown]
# ## 1. Layer by layer
#
# **Question.** Every layer of a network hands features to the next one. How far have the classes drawn together in each?
#
# First by hand. A network of six hidden layers of 128 units learns ten digits; now and then `nclib.measure(..., layers=True)` measures what **every** linear layer reads. Row `in:features.1` is the pixels, `in:classifier` what the classifier reads: the features of all notebooks before.
#
# **Predict.** At the end, NC1 falls from layer to layer **(a)** in the last one only, **(b)** by about the same factor in each, **(c)** most in the first.

# %%
digits = nclib.load_data("digits")
mlp = nclib.build_network("mlp", digits, depth=6, width=128, num_features=128, seed=seed)
reports = {}
recipe = dict(epochs=epochs, learning_rate=0.1, weight_decay=5e-4, schedule=cosine_schedule)
for epoch in nclib.train(mlp, digits, **recipe, measure_at=[], seed=seed):
    if epoch.number in watched:
        reports[epoch.number] = nclib.measure(mlp, digits, layers=True)

live = pictures.nc1_by_epoch(reports)
live.style.format("{:.3f}")

# %% [markdown]
# Answer (b), at the end; before training NC1 *rises* from the first layer to the last. Three kinds of networks were recorded in this way, at more epochs. Dark is collapsed:

# %%
runs = {
    "MLP": load_layer_run("layers-mlp"),
    "MLP, strong decay": load_layer_run("layers-mlp-decay"),
    "ConvNet": load_layer_run("layers-convnet"),
    "ResNet": load_layer_run("layers-resnet"),
}
explore(pictures.heat_maps(runs), network=list(runs), split=["train", "test"])

# %% [markdown]
# And the same seen from inside: the player steps through the **layers** of one network, training images left, test images right. Each layer is drawn in the span of its class means, turned towards the last one's, so that the camera can stay.


# %%
def at_moment(network, moment):
    """Training and test images in all layers of a network, at one epoch."""
    run = runs[network]
    epoch = {"untrained": 0, "epoch 2": 2, "trained": -1}[moment]
    return run.frames("train", epoch), run.frames("test", epoch)


replay(at_moment, network=list(runs), moment=["trained", "epoch 2", "untrained"])

# %% [markdown]
# **What we saw.** In the MLP each layer adds its share. In ConvNet and ResNet the last few layers do most, and what the ConvNet's first convolution gives looks *worse* than the pixels: section 4 tells why. On **test** images each layer of the MLP gains less than on training images, and with strong decay NC1 of the last layer falls on training images to about a hundredth of what it is on test images.
#
# **What it does not show.** What layers *know*: NC1 compares scatter with class means, and a class may be spread and yet easy to tell (the player's second panel counts the images whose nearest class mean is a wrong one).

# %% tags=["self-check"]
last, rows = live[epochs], pictures.rows_of(reports[epochs])
claim("NC1, layer / layer before, at the end", last.pct_change()[1:] + 1, above=0.3, below=0.65)
claim("before training: layer 6 / layer 1", live[0].iloc[-1] / live[0].iloc[1], above=1.5)
claim("NC1 with shuffled labels / NC1, all layers", rows.shuffled / rows.nc1, above=100)
gaps = {name: run.at(-1, "test").nc1 / run.at(-1).nc1 for name, run in runs.items()}
claim("MLP: test / training, layer / layer before", gaps["MLP"].pct_change()[1:] + 1, above=1)
claim("strong decay: test / training, last layer", gaps["MLP, strong decay"].iloc[-1], above=50)
conv = runs["ConvNet"].values()
claim("ConvNet: conv 1 / pixels, every epoch", conv[:, 1] / conv[:, 0], above=1)
claim("ConvNet, at the end: conv 3 / pixels", conv[-1, 3] / conv[-1, 0], above=0.2)
resnet = runs["ResNet"].values()[-1]
claim("ResNet, at the end: conv 1 to block 4 / pixels", resnet[1:6] / resnet[0], above=1)

# %% [markdown]
# ## 2. A law?
#
# **Question.** "Each layer by the same factor": how straight is that line?
#
# He and Su measure $D_l = \mathrm{tr}(\Sigma_W \Sigma_B^+)$ at each layer, which is $C$ times NC1, and find the **law of equal improvement**
#
# $$\log D_l \approx \log D_0 + l \log \rho.$$
#
# Two numbers test it: the **ratio** $\rho$, the exponential of the slope, and **R²**, the share of the variance of $\log D_l$ that lies on the line. Here the law is said to hold if $\rho < 0.6$ *and* R² ≥ 0.99, over the hidden layers.
#
# **Predict.** Which of these breaks it? **(a)** no training at all, **(b)** no batch norm, **(c)** ten times the decay, **(d)** nine layers for six.
#
# Three seeds of each setting were recorded. Left grey is the same network before training; right each dot is one run, and the law lives in the green corner.

# %%
grid = load_law_grid()
lines = partial(law.lines, grid)
choices = dict(network=list(law.networks(grid)), batch_norm=list(law.KINDS))
choices |= dict(weight_decay=sorted(grid.weight_decay.unique().tolist()))
explore(law.law_slider(grid), **choices, start=dict(network="6 layers", weight_decay=5e-4))

# %% [markdown]
# **What we saw.** All four. At six layers with batch norm and weak decay, under cross-entropy, the line is as straight as promised. **But the untrained network's is nearly as straight**, and *rises*: R² alone proves nothing. Without batch norm the ratio fails and here R², too; under squared error only R² does, with batch norm or without: the ratio alone would have let it pass. (At the rate recorded here, the law holds nowhere under squared error.) And decay **bends** the line. With none, the first layers do more than their share, though the law still holds; with ten times ours the last two run ahead: collapse *instead* of the law. The straightest lies between. Nine layers under our decay leave the first ones ahead again; with twice the decay two seeds of three pass. (Three layers are few points for a line.)
#
# **What it does not show.** Why. The law is an observation, of one family of networks and one data set here; in ConvNet and ResNet (section 1) there is no such line.

# %% tags=["self-check"]
claim("trained here: the law holds", law.holds(law.hidden_line(last)))
claim("6 layers, batch norm: it holds", lines("6 layers").holds)
untrained = lines("6 layers", when="start")
claim("untrained: ratio", untrained.ratio, above=1.1)
claim("untrained: R²", untrained.r_squared, above=0.95)
plain = lines("6 layers", "without")
claim("without batch norm: ratio", plain.ratio, above=law.RATIO)
claim("without batch norm: R²", plain.r_squared, below=law.R_SQUARED)
for kind in law.KINDS:
    squared = lines("6 layers, squared error", kind)
    claim(f"squared error, {kind} batch norm: ratio", squared.ratio, below=law.RATIO)
    claim(f"squared error, {kind} batch norm: R²", squared.r_squared, below=law.R_SQUARED)
claim("squared error: it holds nowhere", ~law.holding(grid)[grid.loss == "squared_error"])

# %% tags=["self-check"]
bends = {("6 layers", 0): dict(above=1), ("6 layers", 5e-4): dict(near=1, below=0.2)}
bends |= {("6 layers", 5e-3): dict(below=0.2), ("9 layers", 5e-4): dict(above=1.2)}
for (network, decay), limits in bends.items():
    bend = lines(network, weight_decay=decay).bend
    claim(f"{network}, decay {decay:g}: last two / 2 and 3", bend, **limits)
bent = *lines("6 layers", weight_decay=5e-3).r_squared, *lines("9 layers").r_squared
claim("strong decay, nine layers: R²", bent, below=law.R_SQUARED)
claim("no decay: it holds", lines("6 layers", weight_decay=0).holds)
claim("nine layers, decay 0.001: two pass", lines("9 layers", weight_decay=1e-3).holds.sum() == 2)
others = [runs[name].law(hidden=True).r_squared for name in ("ConvNet", "ResNet")]
claim("ConvNet, ResNet: R²", others, below=law.R_SQUARED)

# %% [markdown]
# ## 3. Does collapse move backwards?
#
# **Question.** One reads that collapse begins in the last layer and spreads towards the first. Does it?
#
# **Predict.** Half of its own fall in log NC1 is behind **(a)** the last layers first, **(b)** all layers at about the same time, **(c)** the last layers last.
#
# Two questions can be asked of the same curves: when does a layer's NC1 drop below a fixed *share of its start* (ring), and when is half of the layer's *own* fall done (square)?

# %%
runs["MLP, squared error"] = load_layer_run("layers-mse")
choices = dict(network=list(runs), share=[0.05, 0.1, 0.2, 0.5])
explore(fronts.front_slider(runs), **choices, start=dict(share=0.1))

# %% [markdown]
# **What we saw.** That depends on the question. At a tenth of the start, a front in the MLP begins at the last layer, moves towards the first, and stops midway: layers 1 and 2 never get there, though all reach a half. (In the ResNet the rings lie scattered.) By their own fall the layers of the MLP move *together* (b), and with strong decay or squared error the last ones are **last** (c): training goes on deepening the end. "Moves backwards" is a statement about the threshold.
#
# NC1 need not even fall with depth: in the MLP it does from epoch 2 on, in the ResNet at no epoch.
#
# **What it does not show.** A cause: nothing travels. A layer that ends at 0.3 of its start cannot cross a tenth, and one that ends at 0.001 crosses it early and is not finished.

# %% tags=["self-check"]
found = {name: fronts.fronts(run, 0.1) for name, run in runs.items()}
below, half = found["MLP"]["below"], found["MLP"]["half"]
claim("MLP, a tenth: layers 1 and 2 never", below[:2] == [None, None])
claim("a half: every layer", None not in fronts.fronts(runs["MLP"], 0.5)["below"])
claim("a tenth: a front from the last to layer 3", below[2] > below[3] > below[4] >= below[5])
claim("MLP: half of the fall, latest epoch", max(half), below=4)
for name in ("MLP, strong decay", "MLP, squared error"):
    *others, fifth, sixth = found[name]["half"]
    claim(f"{name}: half, last two - latest other", min(fifth, sixth) - max(others), above=5)
late = pd.Series(fall_after(runs["MLP, strong decay"].values(), 5))
claim("strong decay: log fall after epoch 5, layer - before", late.diff()[1:], above=0)
claim("MLP: NC1 falls with depth from epoch 2 on", falls_with_depth(runs["MLP"].values()[2:]))
claim("ResNet: at no epoch", ~falls_with_depth(runs["ResNet"].values()))

# %% [markdown]
# ## 4. Three ways to tell another story
#
# **Question.** The ConvNet's first layer looked worse than the pixels. Is it?
#
# A convolution gives a map. Until now each channel's **mean** over all positions stood for it, as in the last layer; of 64 pixels that leaves one number, and in the player a line. One can also **flatten** the map, and keep all.
#
# **Predict.** Flattened, the first convolution is **(a)** still worse than the pixels, **(b)** better. And with ten images of each class, NC1 comes out **(c)** too low, **(d)** too high.

# %%
convnet = nclib.build_network("convnet", digits, seed=seed)
recipe |= dict(epochs=epochs_convnet, weight_decay=5e-3, batch_size=64)
list(nclib.train(convnet, digits, **recipe, measure_at=[], seed=seed))
told = story.stories(story.by_positions(convnet, digits.train), digits.train.labels, [3, 10, 30])
choices = {name: list(told.index.unique(name)) for name in story.WAYS}
explore(story.story_slider(told), **choices)

# %% [markdown]
# **What we saw.** (b) and (c). Flattened, NC1 falls at every layer: the rise came of taking means. **Few images** look tight, because their own mean is nearer to them than their class's, and most so in the first layers; take equal numbers when you compare. That is the bias of *random* draws. The **first** images of each class are a second effect, and lower still: digits are stored by writer, and neighbours are alike. With **shuffled** labels nothing is left but what chance gives, and this ceiling is neither infinite nor the same for all layers: it grows with the number of images.
#
# **What it does not show.** Which story is true. Write on the axis what was done.

# %% tags=["self-check"]
mean, flat = (told.loc[way, "all", "true"] for way in story.POSITIONS)
claim("means: NC1, conv 1 / pixels", mean["conv 1"] / mean["input"], above=2)
claim("flattened: layer / layer before", flat.pct_change()[1:] + 1, below=0.8)
drawn = told.loc["flatten", "3 drawn", "true"] / flat
claim("3 images of each class, drawn / all", drawn, below=0.8)
claim("first three layers less the last", drawn[:3] - drawn.iloc[-1], below=-0.1)
first = told.loc["flatten", "the first 10", "true"] / told.loc["flatten", "10 drawn", "true"]
claim("the first 10 / 10 drawn, first three layers", first[:3], below=0.7)
chance = told.loc["flatten", "all", "shuffled"]
claim("shuffled / true, every layer", chance / flat, above=50)
claim("shuffled: the last layer / the lowest", chance.iloc[-1] / chance.min(), above=5)
claim("shuffled: all / 30 drawn", chance / told.loc["flatten", "30 drawn", "shuffled"], above=2)

# %% [markdown]
# ## 5. A deep head
#
# **Question.** Notebook 07 proves what a *deep* head does to free features: every layer collapses (**DNC1**), class means become orthogonal (**DNC2**: equal singular values), and weights align with them (**DNC3**). Does a network with such a head do it?
#
# Two layers give 64 features without a ReLU, which may be anything; after them come linear layers with ReLUs and no bias, as in the deep model, under squared error.
#
# **Predict.** Of DNC1, DNC2 and DNC3 **(a)** all hold after the ReLUs, **(b)** DNC1 does, the others go part of the way, **(c)** none.

# %%
recipe |= dict(epochs=150, learning_rate=0.2, batch_size=128, loss="squared_error")
of_head, names = {"MLP of section 1": reports[epochs]}, {"MLP of section 1": runs["MLP"].layers}
for count in (2, 3):
    network = heads.DeepHead(count, seed=seed)
    list(nclib.train(network, digits, **recipe, measure_at=[], seed=seed))
    name = f"head of {count} layers"
    of_head[name], names[name] = nclib.measure(network, digits, layers=True), network.layer_names

# %%
explore(pictures.deep_collapse(of_head, names), network=list(of_head), start=dict(network=name))

# %% [markdown]
# **What we saw.** (b). The features before the head have collapsed by DNC1, as free ones would; the head takes them a few times further. DNC2 is not reached: after the ReLUs the largest singular value is between 1.25 and 3 times the least, where notebook 07 has 1. DNC3 goes half of the way or more; in an ordinary MLP it hardly begins before the last layer. (Look at the 256 units, too: NC1 is well below DNC1 there. Exercise 3.)
#
# And in the MLP the **effective rank** of the class means *rises* with depth, towards the $C-1 = 9$ of a simplex: none of the low rank that wins in the deep model for many classes. Without batch norm it falls from the first layer to the last.
#
# **What it does not show.** That the theory is wrong: these features are not free, the width is 64, the descent is short. The closed forms are in notebook 07.

# %% tags=["self-check"]
for count in (2, 3):
    rows = pictures.rows_of(of_head[f"head of {count} layers"])
    claim(f"{count} layers: DNC1 from the features on", rows.quotient[-count - 1 :], below=0.06)
    claim("DNC2: σ₁/σ_C after the ReLUs", rows.dnc2[-count:], above=1.25, below=3)
    claim("DNC3 after the ReLUs", rows.dnc3[-count:], above=0.1, below=0.6)
    further = rows.quotient.iloc[-count - 1] / rows.quotient.iloc[-1]
    claim("DNC1, features / classifier's input", further, above=2, below=6)
    claim("DNC1 / NC1 of the 256 units", (rows.quotient / rows.nc1).iloc[1], above=3)
of_mlp = pictures.rows_of(reports[epochs])
claim("DNC3 of the MLP, but for its last layer", of_mlp.dnc3[:-1], above=0.8)
claim("MLP: effective rank, layer - layer before", of_mlp.effective_rank.diff()[1:], above=0)
plain = load_layer_run("layers-mlp-plain").at(-1).effective_rank
claim("without batch norm: layer 6 - layer 1", plain[6] - plain[1], below=-1)

# %% [markdown] tags=["exercise"]
# ## Exercises
#
# ### Exercise 1: two numbers (●○○, four lines)
#
# From NC1 of the layers to the law's ratio and R². Expected for NC1 of 1, 0.5, 0.2: 0.447 and 0.994.


# %% tags=["exercise"]
def ratio_and_r_squared(nc1):
    """Ratio and R² of the line through log NC1 against 0, 1, 2, …, for nc1 (L,)."""
    ...
    raise NotImplementedError("return two numbers")


# %% tags=["check"]
checks.check_line(ratio_and_r_squared)


# %% tags=["solution"]
def ratio_and_r_squared(nc1):
    """Ratio and R² of the line through log NC1 against 0, 1, 2, …, for nc1 (L,)."""
    ### BEGIN SOLUTION
    y = nc1.log() - nc1.log().mean()
    x = torch.arange(len(y)) - (len(y) - 1) / 2
    slope = (x * y).sum() / (x * x).sum()
    return slope.exp(), slope**2 * (x * x).sum() / (y * y).sum()
    ### END SOLUTION


checks.check_line(ratio_and_r_squared)


# %% [markdown] tags=["exercise"]
# ### Exercise 2: from few samples to all (●●○, one line)
#
# Of $n$ samples a class, $\mathrm{tr}\,\Sigma_W$ is on average $1 - \frac1n$ of its true value $w$: their own mean is nearer. And each class mean carries noise, $w/n$, so that $\mathrm{tr}\,\Sigma_B$ is on average $b + \frac{C-1}{C} \cdot \frac wn$. You measured the quotient $q$ of the two. What would it be for infinitely many samples? Expected for $q = 0.5$, $n = 3$, $C = 10$: 0.968.


# %% tags=["exercise"]
def quotient_of_all(q, n, C):
    """w/b from the quotient q of n samples of each of C classes."""
    ...
    raise NotImplementedError("return one number")


# %% tags=["check"]
checks.check_all_samples(quotient_of_all)


# %% tags=["solution"]
def quotient_of_all(q, n, C):
    """w/b from the quotient q of n samples of each of C classes."""
    ### BEGIN SOLUTION
    return q / (1 - 1 / n - (C - 1) / C * q / n)
    ### END SOLUTION


checks.check_all_samples(quotient_of_all)


# %% [markdown] tags=["exercise"]
# ### Exercise 3: opposite stories (●●●, open, six lines)
#
# Make four layers by hand, for given labels, so that from each to the next **NC1 at least halves** while the **quotient** of DNC1 **at least doubles**. Which of the two would you print for a layer with more units than classes?


# %% tags=["exercise"]
def layers_of(labels):
    """Four feature matrices (N, p), p as you like, for labels (N,) of four classes."""
    ...
    raise NotImplementedError("return a list of four matrices")


# %% tags=["check"]
checks.check_layers(layers_of)


# %% tags=["solution"]
def layers_of(labels):
    """Four feature matrices (N, p), p as you like, for labels (N,) of four classes."""
    ### BEGIN SOLUTION
    noise = torch.randn(len(labels), 8)
    noise -= nclib.ClassStatistics.from_features(noise, labels).class_means[labels]
    means = 3 * torch.eye(4)[labels]
    along, beside = noise[:, :4], noise[:, 4:]
    return [torch.cat([means + 0.4**i * along, 3.0**i * beside], 1) for i in range(4)]
    ### END SOLUTION


checks.check_layers(layers_of)

# %% [markdown] tags=["instructor"]
# **For the teacher.** Ninety minutes: section 1 with the player (20), a vote and section 2 with its sliders (25), section 3 as a debate, half of the class for each question (15), section 4 (10), exercises 1 and 3 (20). Section 5 is for those who know notebook 07. On the board: log NC1 against layer, a line, its slope, and a second straight line that rises.
#
# The usual misconceptions: *a straight line is a law* (section 2); *collapse travels backwards* (section 3); *a layer has one NC1* (section 4).

# %% [markdown]
# ## Where this stops being true
#
# - **Small networks, small images:** every run here is of the digits, minutes of one core at most.
# - **The law** is shown for one width, one optimiser and three depths; He and Su report it for many more networks, and say that it needs training to have gone on.
# - **Layers** are what linear layers, convolutions and whole blocks read; another choice (before batch norm, before the ReLU, inside a block) is another curve.
# - **NC1 by layer is no proof of use:** a later layer may undo what an earlier one gained.
#
# **To cite:** He & Su 2023 for the law, Rangamani et al. 2023 for intermediate layers, Súkeník et al. 2023 for DNC1–DNC3, `CITATION.cff` for this software.
