# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] slideshow={"slide_type": "slide"} tags=["nc-badges"]
# # A network collapses in front of you
#
# <!-- badges: written by tools/nb.py stamp -->
# *To run it: open it in JupyterLab, Notebook, VS Code or a hosted notebook service;
# the set-up cell finds the library.*
# <!-- /badges -->
#
# Train a classifier past its last mistake and it does not stop: the features of each class shrink to a point, and the points arrange themselves as the corners of the most symmetric figure there is. Here it happens to real handwritten digits, in seconds, and is measured.

# %% [markdown] slideshow={"slide_type": "skip"}
# | | |
# | --- | --- |
# | **You will be able to** | *recognise* the four signs of neural collapse in a picture · *compute* them for features of your own · *predict* what weight decay and batch norm do to them · *say* what they do not tell |
# | **Needs** | what a linear classifier, training loss and an epoch are; some Python; no GPU |
# | **Time** | ten minutes to read, twenty with the exercises; the cells take less than a minute on two CPU cores |
# | **Data** | 1,797 handwritten digits of 8×8 pixels, inside scikit-learn: nothing is downloaded |
# | **Paper** | Papyan, Han, Donoho 2020, [*Prevalence of neural collapse during the terminal phase of deep learning training*](https://doi.org/10.1073/pnas.2015509117); squared error: Han, Papyan, Donoho 2022 |

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

# %% slideshow={"slide_type": "skip"}
import math

import pandas as pd
import torch

import nclib
from nclib import cosine_schedule, runtime
from nclib.lessons.claims import claim, claim_collapsed
from nclib.lessons.tour import checks
from nclib.lessons.tour.some_classes import mean_cosines, training_accuracy
from nclib.pictures import panels
from nclib.pictures.plane import moving_plane, plane_with_curve
from nclib.widgets.explore import explore
from nclib.widgets.live import LiveTraining

print(runtime.start())

# %% tags=["parameters"]
seed = 0  # of the initial weights; other seeds turn the pictures
epochs_plane = runtime.choose(ci=100, laptop=150)  # passes over three digits; 0.4 s on one core
epochs_ten = runtime.choose(ci=80, laptop=100)  # passes over all ten; 1.5 s for each loss
decays = [0.0, 1e-3, 3e-3, 1e-2, 3e-2]  # weight decays to try; more pulls harder towards zero

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1. Three digits in a plane
#
# **Question.** A network has learnt to tell 0, 1 and 2 apart without a single mistake. Training goes on. What is left to change?
#
# The network here is a small one with a twist: its last hidden layer has only *two* units. Those two numbers are the **features** of an image, so a dot in the plane is all the classifier ever sees of it, and the picture leaves nothing out.

# %% [markdown] slideshow={"slide_type": "slide"}
# **Predict** before it runs. After the last mistake is gone, the three clouds of dots
#
# - **(a)** stay as they are, for there is nothing left to learn;
# - **(b)** drift apart, in no particular shape;
# - **(c)** shrink to three points, and the three points form a particular figure.

# %% slideshow={"slide_type": "slide"}
three = nclib.load_data("digits", classes=[0, 1, 2])


def train_in_plane(weight_decay, batch_norm=True, measure_at=None):
    """Train the network with two features; what it did, epoch by epoch."""
    options = dict(num_features=2, linear_features=True, width=128, seed=seed)
    network = nclib.build_network("mlp", three, batch_norm=batch_norm, **options)
    settings = dict(learning_rate=0.1, batch_size=128, schedule=cosine_schedule)
    settings |= dict(epochs=epochs_plane, weight_decay=weight_decay, measure_at=measure_at)
    return nclib.Trajectory.of(nclib.train(network, three, **settings))


plane = train_in_plane(weight_decay=1e-2)
plane.player()

# %% [markdown] slideshow={"slide_type": "notes"}
# Press **play** (or the space bar), or drag the slider. Dots are images, balls on sticks are the **class means**, square-ended sticks are the rows of the **classifier**. The thin triangle is the **simplex**: three directions as far apart as three directions can be, 120° each.

# %% [markdown] slideshow={"slide_type": "slide"}
# **What we saw.** Answer (c). Early on the network reaches **zero error**; then the dots of each class fall onto their mean, the means move to the corners of an equilateral triangle, and the classifier turns until each of its rows points at a corner.

# %% [markdown] slideshow={"slide_type": "fragment"}
# **What it does not show.** That this is good, or that new images behave the same. We come back to both.

# %% tags=["self-check"]
first, last = plane.metrics.iloc[0], plane.metrics.iloc[-1]
claim("first epoch without a mistake / all", plane.zero_error_epoch / epochs_plane, below=0.2)
claim("no mistake at the end", last.train_accuracy == 1)
claim("NC1 at the end, in units of the start's", last.nc1 / first.nc1, below=0.01)
claim_collapsed("three digits", last)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Who decides?
#
# The next picture adds the **decisions**. Coloured fields: what the classifier says there. Black lines: where the *nearest class mean* changes, a rule that knows nothing of the classifier.
#
# **Predict**, then drag the epoch. Fields and lines agree
#
# - **(a)** from the beginning;
# - **(b)** at the end;
# - **(c)** never, for nobody asked for it.

# %% slideshow={"slide_type": "slide"}
explore(moving_plane(plane), epoch=plane.epochs.tolist(), start={"epoch": 3})

# %% [markdown] slideshow={"slide_type": "slide"}
# **What we saw.** Answer (b). At first the fields and the lines have little to do with one another. At the end they agree on every training image: there the network has become a *nearest-class-mean* rule. Nobody asked for that; the loss never mentions a mean.

# %% tags=["self-check"]
claim("before training: decided differently by the nearest mean", first.ncc_mismatch, above=0.5)
claim("at the end: by none", last.ncc_mismatch == 0)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2. Two knobs: weight decay and batch norm
#
# **Question.** What pulls the features together? One suspect is *weight decay*, the small force that draws every weight towards zero. The other is *batch norm*: each layer before the classifier brings its units to mean 0 and variance 1 over a batch, then scales and shifts them.

# %% [markdown] slideshow={"slide_type": "slide"}
# **Predict:** with weight decay switched off, and batch norm left on, the network still learns the training set. Its features will collapse
#
# - **(a)** just as far;
# - **(b)** less;
# - **(c)** not at all, however long we train.

# %% [markdown] slideshow={"slide_type": "skip"}
# Let go of a slider at a new value: the network is trained again from the start. Grey is the run of section 1.

# %% slideshow={"slide_type": "slide"}
knob = plane_with_curve(reference=plane)


def turned(weight_decay, batch_norm):
    words = f"weight decay {weight_decay:g}, {'' if batch_norm else 'no '}batch norm"
    return knob(train_in_plane(weight_decay, batch_norm=batch_norm), words)


start = {"weight_decay": 0.0, "batch_norm": True}
explore(turned, weight_decay=decays, batch_norm=[False, True], start=start, on_release=True)

# %% [markdown] slideshow={"slide_type": "slide"}
# **What we saw.** With batch norm, each step up to a decay of 0.01 takes NC1 further down. So (b), in the time we gave it. The last step is not sure to: which of the last two ends lower depends on the seed and on the epochs. And not (c): without any decay, 600 epochs collapse these three digits, too.

# %% [markdown] slideshow={"slide_type": "fragment"}
# **The control** is the second knob. Without batch norm every decay leaves NC1 above 0.03, more than ten times as high as a decay of 0.01 with batch norm does. Here decay goes far only *with* batch norm, and batch norm alone gets there slowly.

# %% [markdown] slideshow={"slide_type": "notes"}
# **What it does not show.** That it must be so: this is one small network, one learning rate, three digits.

# %% tags=["self-check"]
ends, options = {}, dict(measure_at=[epochs_plane])  # the end alone
for batch_norm in (True, False):
    turns = [train_in_plane(decay, batch_norm, **options) for decay in decays]
    last_rows = [turn.metrics.iloc[-1] for turn in turns]
    ends[batch_norm] = pd.DataFrame(last_rows, index=decays)
    claim(f"batch norm {batch_norm}: learnt", ends[batch_norm].train_accuracy == 1)
normed, plain = ends[True].nc1, ends[False].nc1
claim("NC1 at each decay / at the one before", (normed / normed.shift())[1e-3:1e-2], below=1)
claim("NC1 without decay / with 0.01", normed[0] / normed[1e-2], above=5)
claim("NC1 at the last decay / at 0.003", normed[3e-2] / normed[3e-3], below=1)
claim("no batch norm: NC1 at each decay", plain, above=0.03)
claim("that in units of NC1 with batch norm and 0.01", plain / normed[1e-2], above=10)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3. Ten digits, nine dimensions, two losses
#
# Ten directions that are all equally far apart need nine dimensions, so this network gets 64 features and the picture becomes a *projection*. We train it twice: with **cross-entropy**, and with **squared error** against one-hot targets, as if classification were regression.
#
# **Predict:** the two losses look nothing alike. Their features will end in
#
# - **(a)** different shapes;
# - **(b)** the same shape.

# %% slideshow={"slide_type": "slide"}
ten = nclib.load_data("digits")
losses = {
    "cross-entropy": dict(loss="cross_entropy", learning_rate=0.1, weight_decay=1e-2),
    "squared error": dict(loss="squared_error", learning_rate=0.5, weight_decay=2e-3),
}
networks, runs = {}, {}
for name, settings in losses.items():
    networks[name] = nclib.build_network("mlp", ten, seed=seed)
    settings |= dict(epochs=epochs_ten, batch_size=256, schedule=cosine_schedule)
    runs[name] = nclib.Trajectory.of(nclib.train(networks[name], ten, **settings))
runs["cross-entropy"].player(runs["squared error"])

# %% [markdown] slideshow={"slide_type": "notes"}
# One clock moves both. Choose **three or four classes** and the projection becomes exact: four corners of a simplex are a tetrahedron, and that fits into space.
#
# Here are both runs in eight panels, most of them as in the paper: an upright line where 99.9 % of the training images were first right. Thin lines belong to the classifier (NC2) or to the test images (accuracy, NC1, NC4).

# %% slideshow={"slide_type": "slide"}
panels.collapse_panels(runs)

# %% slideshow={"slide_type": "slide"}
panels.cosine_matrices(runs["squared error"])

# %% [markdown] slideshow={"slide_type": "slide"}
# **What we saw.** Answer (b). When the line comes, lengths, angles and classifier have most of their way behind them, and the nearest mean decides nearly as the network does. What comes *after* it, in what the authors call the **terminal phase of training**, is the rest of theirs, and another factor of ten or more in NC1. In the matrices some pairs of digits start close together (red), others nearly opposite (blue); at the end every pair makes nearly the same angle.

# %% [markdown] slideshow={"slide_type": "skip"}
# The same numbers as a table:

# %% slideshow={"slide_type": "skip"}
pd.concat({name: run.summary() for name, run in runs.items()}, axis=1).style.format("{:.2g}")

# %% tags=["self-check"]
shape = ["equinorm_means", "max_angle_means", "self_duality"]
for name, run in runs.items():
    table = run.metrics.set_index("epoch")
    start, line, end = (table.loc[epoch] for epoch in (0, run.terminal_epoch, epochs_ten))
    claim_collapsed(f"{name}: end", end)
    claim(f"{name}: NC1 at the line / at the end", line.nc1 / end.nc1, above=10)
    before = ((start - line) / (start - end))[shape].astype(float)
    claim(f"{name}: share of the way before the line", before, above=0.5, below=1)
    claim(f"{name}: NC4 at the line", line.ncc_mismatch, below=0.01)
far, near = (mean_cosines(runs["squared error"], epoch=epoch) for epoch in (0, epochs_ten))
claim("cosines before training: largest, less smallest", far.max() - far.min(), above=1)
claim("squared error: cosines at the end", near, near=-1 / 9, below=0.1)

# %% [markdown] slideshow={"slide_type": "skip"}
# **The control of section 2, on ten digits.** Without batch norm some decay leaves NC1 *higher* than none does, though both runs reach the line of 99.9 %.

# %% tags=["self-check"]
alone = {}
for decay in (0.0, 3e-3):
    network = nclib.build_network("mlp", ten, batch_norm=False, seed=seed)
    settings = losses["cross-entropy"] | dict(weight_decay=decay, measure_at=[epochs_ten])
    alone[decay] = nclib.Trajectory.of(nclib.train(network, ten, **settings)).metrics.iloc[-1]
    claim(f"no batch norm, decay {decay:g}: learnt", alone[decay].train_accuracy, above=0.999)
claim("NC1 with decay / without", alone[3e-3].nc1 / alone[0.0].nc1, above=1)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4. Four numbers
#
# Write $h_i$ for the features of image $i$ and $y_i$ for its class, $\mu_c$ for the mean of class $c$ and $\mu_G$ for the mean of the class means, $C$ for the number of classes, $w_c$ for the rows of the classifier $W$, and $\dot M$ for the matrix with rows $\mu_c - \mu_G$.

# %% [markdown] slideshow={"slide_type": "slide"}
# **NC1, the clouds shrink.** Scatter within classes, measured in units of the scatter between them:
#
# $$\mathrm{NC1} = \tfrac1C \operatorname{tr}\!\left(\Sigma_W \Sigma_B^{+}\right)$$
#
# $$\Sigma_W = \tfrac1N \sum_i (h_i - \mu_{y_i})(h_i - \mu_{y_i})^\top, \quad \Sigma_B = \tfrac1C \dot M^\top \dot M$$

# %% [markdown] slideshow={"slide_type": "slide"}
# **NC2, the means become a simplex.** Equal lengths, and every cosine equal to the smallest value that $C$ directions can share: $\cos(\mu_c - \mu_G,\, \mu_{c'} - \mu_G) = -\tfrac{1}{C-1}$.
#
# **NC3, the classifier aligns.** Up to one scale it equals the means: $\lVert W / \lVert W \rVert - \dot M / \lVert \dot M \rVert \rVert^2 \to 0$.
#
# **NC4, decisions simplify.** $\arg\max_c\, \langle w_c, h \rangle + b_c$ becomes $\arg\min_c \lVert h - \mu_c \rVert$.

# %% [markdown] slideshow={"slide_type": "fragment"}
# **Collapsed**, in all these notebooks, is a training set with NC1 below 0.05, lengths, angles and NC3 off by less than 0.1, and NC4 below 0.01: `nclib.quantities.COLLAPSED`, a convention.

# %% [markdown] slideshow={"slide_type": "skip"}
# The first one, written as it reads, against the library:


# %% slideshow={"slide_type": "skip"}
def nc1(features, labels):
    """tr(Σ_W Σ_B⁺)/C of features (N, p) and labels (N,)."""
    means = torch.stack([features[labels == c].mean(0) for c in labels.unique()])
    residuals, centred = features - means[labels], means - means.mean(0)
    within = residuals.T @ residuals / len(features)
    between = centred.T @ centred / len(means)
    return float(torch.trace(within @ torch.linalg.pinv(between, hermitian=True)) / len(means))


def measured(network, split):
    """Features, labels and NC1-NC4 of a split, on its own class means."""
    features, labels = network.eval().features(split.images).detach(), split.labels
    stats = nclib.ClassStatistics.from_features(features, labels)
    weight, bias = network.classifier.weight, network.classifier.bias
    metrics = nclib.collapse_metrics(stats, weight, bias, features=features, labels=labels)
    return features, labels, metrics


# %% tags=["self-check"]
features, labels, metrics = measured(networks["cross-entropy"], ten.train)
by_hand = nc1(features.double(), labels)
claim("NC1 by hand / nclib's", by_hand / metrics.nc1, near=1, below=1e-5)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### The control: images it has never seen
#
# **Predict:** measured on the test images, NC1 will be
#
# - **(a)** as small;
# - **(b)** larger;
# - **(c)** as large as before training.

# %% slideshow={"slide_type": "slide"}
control = {"training": metrics, "test": measured(networks["cross-entropy"], ten.test)[2]}
pd.DataFrame({name: values.as_dict() for name, values in control.items()}).style.format("{:.2g}")

# %% [markdown]
# **What we saw.** Answer (b). The test images gather around the same corners, far more loosely. Collapse, as the word is used here, is measured on the *training* set.

# %% [markdown] slideshow={"slide_type": "fragment"}
# **What not to conclude.** That a collapsed network generalises because it collapsed. Collapse has been seen on random labels as well (Zhu et al. 2021), where there is nothing to generalise.

# %% tags=["self-check"]
claim("NC1, test / training", control["test"].nc1 / control["training"].nc1, above=5)
before = runs["cross-entropy"].metrics.test_nc1.iloc[0]
claim("test NC1 at the end / before training", control["test"].nc1 / before, below=0.1)
claim("test images: angles off the simplex", control["test"].max_angle_means, below=0.1)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5. Your own experiments
#
# **Predict**, then try. What becomes of the simplex with
#
# - **(a)** *features p* of 5, with *linear features*: ten classes need nine dimensions;
# - **(b)** *label noise* of 0.3: can wrong labels collapse?
# - **(c)** *imbalance ratio* of 50: digits 5 to 9 become rare. And then with 400 *epochs* and a *weight decay* of 0.002?

# %% [markdown] slideshow={"slide_type": "skip"}
# All the knobs at once. Press **Train**, or let go of a control: a run this short is simply done again. **Keep to compare** holds on to a run and shows the next one beside it.

# %% slideshow={"slide_type": "skip"}
live = LiveTraining(ten, epochs=runtime.choose(ci=40, laptop=100), seed=seed)
live

# %% [markdown] slideshow={"slide_type": "skip"}
# A longer run belongs in a cell of its own. It moves the picture above, the notebook's own stop button ends it, and what it recorded until then is yours, like any other run:

# %% slideshow={"slide_type": "skip"}
playground = live.run()
playground

# %% slideshow={"slide_type": "slide"}
knobs = {
    "five features": dict(num_features=5, linear_features=True),
    "wrong labels": dict(label_noise=0.3),
    "rare digits": dict(imbalance=50),
    "rare, longer": dict(imbalance=50, epochs=400, weight_decay=2e-3),
}
trials = {
    name: LiveTraining(ten, pictures_per_second=0.1, **(dict(epochs=epochs_ten) | knob)).run()
    for name, knob in knobs.items()
}
ends = pd.DataFrame({name: run.metrics.iloc[-1] for name, run in trials.items()}).T
ends[["train_accuracy", "test_accuracy", "nc1", "max_angle_means"]].style.format("{:.2g}")

# %% [markdown]
# **What we saw.** (a) Every class still shrinks to a point, but the angles stay unequal: there is no room for the simplex. (b) Yes. The network learns the wrong labels by heart and its features collapse onto them, while it gets worse on the test images.

# %% [markdown] slideshow={"slide_type": "subslide"}
# (c) After the short run the rare digits' means point the same way. That looks like *minority collapse*, which Fang et al. 2021 found beyond some imbalance: rare classes fall onto one another. But nearly none of the rare training images is right yet, and NC1 is large: they have not been learnt. Once they are, their means part again, and the figure is not the simplex.
#
# **What not to conclude.** That collapse is a sign of having learnt something true: look at (b). Nor that classes whose means coincide have collapsed: ask first whether the classes are learnt, and what NC1 says.

# %% tags=["self-check"]
claim("five features: NC1", ends.nc1["five features"], below=0.05)
claim("five features: angles off the simplex", ends.max_angle_means["five features"], above=0.1)
claim("wrong labels: training accuracy", ends.train_accuracy["wrong labels"] == 1)
claim_collapsed("wrong labels", ends.loc["wrong labels"])
claim("wrong labels: test accuracy", ends.test_accuracy["wrong labels"], below=0.9)
for name, learnt in {"rare digits": 0, "rare, longer": 1}.items():
    share = training_accuracy(trials[name], range(5, 10))
    claim(f"{name}: training accuracy on 5 to 9", share, near=learnt, below=0.1)
short, longer = (mean_cosines(trials[name], range(5, 10)).mean() for name in [*knobs][2:])
claim("rare digits: mean cosine of 5 to 9", short, above=0.9)
claim("rare digits: NC1", ends.nc1["rare digits"], above=1)
claim("rare, longer: mean cosine of 5 to 9", longer, below=0)
claim("rare, longer: NC1", ends.nc1["rare, longer"], below=0.05)
claim("rare, longer: angles off the simplex", ends.max_angle_means["rare, longer"], above=0.1)

# %% [markdown] slideshow={"slide_type": "skip"}
# ## 6. Take it with you
#
# The player is one file that needs no notebook, no Python and no network: send it to somebody. The run itself, with every number and the moving geometry, is another: `nclib.Trajectory.load` reads it.

# %% slideshow={"slide_type": "skip"}
for name, run in runs.items():
    print(run.save(f"{name.replace(' ', '-')}.npz"))
print(runs["cross-entropy"].to_html("collapse.html"))

# %% [markdown] tags=["exercise"]
# ## Exercises
#
# ### Exercise 1: the angle (●○○, one line)
#
# Two classes collapse to opposite points, 180°; three to 120°. Which angle do $C$ classes make? *Start from $C$ unit vectors with sum zero and one common cosine.* Expected: 109.47° for four, 96.38° for ten.


# %% tags=["exercise"]
def angle(num_classes):
    """Degrees between two collapsed class means of C classes."""
    ...
    raise NotImplementedError("return the angle in degrees")


# %% tags=["check"]
checks.check_angle(angle)


# %% tags=["solution"]
def angle(num_classes):
    """Degrees between two collapsed class means of C classes."""
    ### BEGIN SOLUTION
    # 0 = ‖Σ v_c‖² = C + C(C-1) cos, so cos = -1/(C-1)
    return math.degrees(math.acos(-1 / (num_classes - 1)))
    ### END SOLUTION


checks.check_angle(angle)


# %% [markdown] tags=["exercise"]
# ### Exercise 2: how far from the widest angle (●●○, four lines)
#
# Complete the function that measures NC2 in the panel *off the widest angle*: the mean over pairs of classes of $\lvert \cos + 1/(C-1) \rvert$ between **centred** class means. Expected: 0 for a simplex, wherever it stands.


# %% tags=["exercise"]
def off_widest_angle(class_means):
    """Mean over pairs of abs(cos + 1/(C-1)) for class means (C, p)."""
    ...
    raise NotImplementedError("return one number")


# %% tags=["check"]
checks.check_max_angle(off_widest_angle)


# %% tags=["solution"]
def off_widest_angle(class_means):
    """Mean over pairs of abs(cos + 1/(C-1)) for class means (C, p)."""
    ### BEGIN SOLUTION
    centred = class_means - class_means.mean(0)
    unit = centred / centred.norm(dim=1, keepdim=True)
    pairs = torch.triu_indices(len(unit), len(unit), offset=1)
    cosines = (unit @ unit.T)[pairs[0], pairs[1]]
    return (cosines + 1 / (len(unit) - 1)).abs().mean()
    ### END SOLUTION


checks.check_max_angle(off_widest_angle)


# %% [markdown] tags=["exercise"]
# ### Exercise 3: learnt, but not collapsed (●●○, open)
#
# Find a run of `train_in_plane` that ends with no training error and is not *collapsed* (section 4): one measure above its limit is enough. There is more than one way; the check accepts any.


# %% tags=["exercise"]
def counter_example():
    """A trajectory with training accuracy 1 at its end, but not collapsed."""
    ...
    raise NotImplementedError("return train_in_plane(...)")


# %% tags=["check"]
checks.check_counter_example(counter_example)


# %% tags=["solution"]
def counter_example():
    """A trajectory with training accuracy 1 at its end, but not collapsed."""
    ### BEGIN SOLUTION
    return train_in_plane(weight_decay=0.0, batch_norm=False)
    ### END SOLUTION


checks.check_counter_example(counter_example)

# %% [markdown] tags=["instructor"]
# **For the teacher.** One lecture hour: sections 1 and 2 live (20 minutes; let the class vote on each prediction before the cell runs), section 3 from the player alone (15), section 4 on the board (15), control and discussion (10). On the board: three arrows from one point, pushed apart as far as they go; then four, with a tetrahedron of straws.
#
# The usual misconceptions: *the classes become orthogonal* (they do better: the cosine is negative); *collapse means overfitting* (test accuracy does not fall here; it does not follow from collapse either way); *it is an effect of the softmax* (squared error has none).

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Where this stops being true
#
# - **Small print of these runs.** Small images, small networks with batch norm, weight decay larger than the papers'. At the papers' settings it takes hundreds of epochs and a GPU.
# - **The features need room.** With fewer than $C-1$ dimensions no such simplex exists. A layer of ReLUs holds it only away from the origin, since its features are never negative.
# - **Too much decay collapses everything to zero**, classes and all: then there is no geometry left, and NC1 is undefined, not small.
# - **Unequal classes** give another figure; in the model of Fang et al. 2021 very rare classes merge.

# %% [markdown] slideshow={"slide_type": "notes"}
# **To read on:** Papyan, Han, Donoho 2020, where it was found; Han, Papyan, Donoho 2022 for squared error and a path on which the dynamics can be solved.
#
# **To cite:** the papers for the phenomenon, `CITATION.cff` in the repository for this software.
