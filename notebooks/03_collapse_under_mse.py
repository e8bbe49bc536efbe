# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] tags=["nc-badges"]
# # Collapse under squared error
#
# <!-- badges: written by tools/nb.py stamp -->
# *To run it: open it in JupyterLab, Notebook, VS Code or a hosted notebook service;
# the set-up cell finds the library.*
# <!-- /badges -->
#
# Cross-entropy knows about probabilities. Squared error knows nothing but distances to a list of zeros with a single one in it, and yet a deep network trained with it ends in the same geometry, often sooner. Han, Papyan and Donoho showed it; this page repeats their comparison, and it is where the theory of notebooks 04 and 05 begins.

# %% [markdown]
# | | |
# | --- | --- |
# | **You will be able to** | *write down* the squared error of a classifier in its three usual scalings · *compare* two losses by the geometry they lead to, not by their values · *find* the weight decay at which nothing is left · *say* what the comparison does not settle |
# | **Needs** | notebooks 00 and 02; no GPU |
# | **Time** | ten minutes to read, twenty-five with the exercises; the cells take half a minute on two CPU cores |
# | **Data** | digits inside scikit-learn; recorded runs on MNIST and CIFAR-10 inside the package: nothing is downloaded on a CPU |
# | **Paper** | Han, Papyan, Donoho 2022, [*Neural collapse under MSE loss: proximity to and dynamics on the central path*](https://arxiv.org/abs/2106.02073) |

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
import torch.nn.functional as F

import nclib
from nclib import cosine_schedule, runtime
from nclib.lessons.claims import claim, claim_collapsed
from nclib.lessons.squared import checks, means
from nclib.pictures import comparisons, panels, plane
from nclib.quantities import COLLAPSED
from nclib.runs import presets, tables
from nclib.widgets.explore import explore

print(runtime.start())

# %% tags=["parameters"]
seed = 0  # of initial weights and sample order
epochs_plane = runtime.choose(ci=60, laptop=100)  # section 4; 0.5 s on one core
decays = [0.0, 1e-3, 5e-3, 2e-2, 0.1, 0.2, 0.25, 0.3]  # weight decays to try in section 4

# %% [markdown]
# ## 1. Classification as regression
#
# The label $y$ becomes a target of $C$ numbers, the one-hot vector $e_y$, and the loss is how far the output is from it:
#
# $$L = \frac{1}{2N} \sum_{i=1}^{N} \lVert W h_i + b - e_{y_i} \rVert^2$$
#
# Beware of the scaling. The papers write this $L$, half of the sum over the classes; others leave the ½ out, and have $2L$; `nn.MSELoss` takes the mean over samples **and** classes, which is $\frac{2}{C} L$. The minimum is the same. A weight decay that stands beside it is not: compared with $L$, beside $2L$ it weighs half as much, and beside `nn.MSELoss` $C/2$ times as much (notebook 04 needs that).

# %%
digits = nclib.load_data("digits")
network = nclib.build_network("mlp", digits, seed=seed).eval()
with torch.no_grad():
    logits, labels = network(digits.train.images), digits.train.labels
targets = F.one_hot(labels, 10).float()
half_sum = (logits - targets).square().sum(1).mean() / 2
whole_sum = F.mse_loss(logits, targets, reduction="sum") / len(logits)
mean = torch.nn.MSELoss()(logits, targets)
print(f"L = {half_sum:.4f}, without the ½ {whole_sum:.4f}, nn.MSELoss = {mean:.4f}")

# %% tags=["self-check"]
ours = float(nclib.losses.squared_error(logits, labels))
claim("the loss trained with, nn.MSELoss's", ours, near=float(mean), below=1e-6)
claim("the loss trained with, 2/C·L", ours, near=float(2 / 10 * half_sum), below=1e-6)
claim("without the ½, 2L", whole_sum, near=float(2 * half_sum), below=1e-5)
weighs = nclib.matching_decay(10, 1)
claim(
    "beside nn.MSELoss a decay weighs, in units of L's",
    weighs,
    near=float(half_sum / mean),
    below=1e-4,
)

# %% [markdown]
# ## 2. Two losses, one network
#
# **Question.** Does the geometry depend on the loss?
#
# **Predict.** Squared error asks every output to be exactly 0 or 1. Compared with cross-entropy, the features of the same network will end **(a)** in another figure, **(b)** in the same figure, further collapsed, **(c)** in the same figure, less collapsed.

# %%
losses = {"cross-entropy": "cross_entropy", "squared error": "squared_error"}


def train_digits(loss, data=digits, **options):
    """Train an MLP as the quick preset does; options go to build_network."""
    network = nclib.build_network("mlp", data, seed=seed, **options)
    return nclib.Trajectory.of(nclib.train(network, data, seed=seed, **presets.quick("mlp", loss)))


both = {name: train_digits(loss) for name, loss in losses.items()}
panels.collapse_panels(both)

# %% [markdown]
# Side by side, by one clock. Each is drawn on *its own* simplex; what to look at is how the clouds shrink and when the classifier (square-ended sticks) joins the means.

# %%
both["cross-entropy"].player(both["squared error"])

# %% [markdown]
# **What we saw.** Answer (b), here: the same simplex, and in the same number of epochs the clouds are smaller. In one thing squared error is behind for long: its classifier, which starts at random, is slower to align with the means (NC3).
#
# **What it does not show.** That one loss is better. Learning rate and weight decay were chosen for each loss separately, to show collapse in seconds.

# %% tags=["self-check"]
for name, run in both.items():
    claim_collapsed(name, run.metrics.iloc[-1])
last = {name: run.metrics.iloc[-1] for name, run in both.items()}
ratio = last["squared error"].nc1 / last["cross-entropy"].nc1
claim("NC1 at the end, squared error / cross-entropy", ratio, below=1)
middle = {name: run.metrics.self_duality.iloc[len(run) // 2] for name, run in both.items()}
behind = middle["squared error"] / middle["cross-entropy"]
claim("NC3 half-way, squared error / cross-entropy", behind, above=1)

# %% [markdown]
# ## 3. Networks × data sets × losses
#
# **Predict.** In the recorded runs, larger networks on MNIST and CIFAR-10 (500 images a class), NC1 will end lower under **(a)** cross-entropy, **(b)** squared error, **(c)** now one, now the other.

# %%
cells = ["digits-mlp", "digits-convnet", "mnist-vgg11", "mnist-resnet18", "mnist-densenet40"]
cells += ["cifar10-vgg11"]
names = [f"{cell}-{loss}" for cell in cells for loss in ("ce", "mse")]
names = [f"{name}-0" if name.startswith("digits") else name for name in names]
recorded = [nclib.load_run(name) for name in names]

# %%
quantities = ["nc1", "equinorm", "equiangularity", "max_angle", "self_duality", "ncc_mismatch"]
drawn = {q: comparisons.small_multiples(recorded, q).finished() for q in ["accuracy", *quantities]}
explore(lambda quantity: drawn[quantity], quantity=list(drawn), start={"quantity": "nc1"})

# %%
columns = list(COLLAPSED)  # nc1, equinorm_means, max_angle_means, self_duality, ncc_mismatch
ends = tables.ends(recorded)[["epoch", "train_accuracy", *columns]].astype({"epoch": int})
squared_ends = ends.xs("squared_error", level="loss")
squared_ends.style.format("{:.2g}", subset=columns).format("{:.4f}", subset=["train_accuracy"])

# %%
last = ends.xs("end", level="moment").nc1.unstack("loss")
last = last.assign(ratio=last.cross_entropy / last.squared_error)
last.style.format("{:.2g}").set_caption("NC1 at the end")

# %% [markdown]
# **What we saw.** Answer (b), at these settings: the table *NC1 at the end*. All six cells end collapsed under squared error, too, and in each NC1 goes on falling in the terminal phase. As in notebook 02 the rest need not: in the DenseNet the angles widen again by a hair.
#
# **What not to conclude.** That the *loss* makes the difference: its natural learning rate and decay differ, and with them how fast collapse comes. The paper compares the losses at settings tuned to test error, and finds collapse under both.

# %% tags=["self-check"]
start, reached, end = (squared_ends.xs(m, level="moment") for m in ("start", "99.9 %", "end"))
for cell, row in end.iterrows():
    claim_collapsed(" ".join(cell), row)
claim("NC1 at the end, cross-entropy / squared error", last.ratio, above=1)
claim("NC1 at the end / at the start", end.nc1 / start.nc1, below=1 / 30)
later = (end / reached)[columns[:4]].stack()
claim("NC1 at the end / at 99.9 %", later.xs("nc1", level=-1), below=0.7)
rises = list(later[later > 1].index)
claim("what rises: angles in the DenseNet", rises == [("mnist", "densenet40", "max_angle_means")])
claim("any measure at the end / at 99.9 %", later, below=1.05)

# %% [markdown]
# **And the test set?** After zero error test accuracy rises by 0.35 points in the median of the 21 cells of Papyan, Han and Donoho (cross-entropy), and by 0.96 in the median of the cells of Han, Papyan and Donoho (squared error). These are other networks, data sets and rates: the two numbers compare papers, not losses. Here the cells are the same ones. A run whose last mistake goes in its last epoch has no *after*, and is left out.

# %%
comparisons.accuracy_after_zero_error(recorded)

# %%
gain = tables.accuracy_gain(recorded)
told = gain.groupby("loss").gain.describe()[["count", "min", "50%", "max"]]
told.style.format("{:.2f}").set_caption("Gain in test accuracy after zero error, points")

# %% tags=["self-check"]
claim("runs that have an after, of six", list(told["count"]) == [6, 5])
claim("median gain, points", told["50%"].abs(), below=0.25)
claim("gain in every cell, points", gain.gain, above=-0.2)

# %% [markdown]
# ## 4. A knob that breaks it: weight decay
#
# Three digits and two features, as in notebook 00, but with squared error. Decay pulls all weights towards zero; squared error can be had for less at the price of giving up.
#
# **Predict:** turning the decay up, collapse **(a)** goes further and further; **(b)** goes further, then less far, and in the end there is nothing; **(c)** does not depend on it.

# %%
three = nclib.load_data("digits", classes=[0, 1, 2])


in_plane = dict(num_features=2, linear_features=True, width=128)


def train_in_plane(weight_decay, epochs=epochs_plane, seed=seed, learning_rate=0.2, network=None):
    """Train a network with two features under squared error: a new one if none is given."""
    network = network or nclib.build_network("mlp", three, **in_plane, seed=seed)
    settings = dict(weight_decay=weight_decay, learning_rate=learning_rate, seed=seed)
    settings |= dict(loss="squared_error", schedule=cosine_schedule, epochs=epochs)
    return nclib.Trajectory.of(nclib.train(network, three, **settings))


# %%
reference = train_in_plane(2e-2)
knob = plane.plane_with_curve(reference)
explore(
    lambda weight_decay: knob(train_in_plane(weight_decay)),
    weight_decay=decays,
    start={"weight_decay": 2e-2},
    on_release=True,
)

# %%
runs = {("anew", decay, 0): train_in_plane(decay) for decay in decays}
runs |= {("anew", decay, 1): train_in_plane(decay, seed=1) for decay in decays[-4:]}
network = nclib.build_network("mlp", three, **in_plane, seed=seed)
for decay in (0.02, 0.1, 0.2, 0.25):  # one network: the decay turned up step by step
    slow = train_in_plane(decay, learning_rate=0.02, network=network)
    runs["step by step", decay, 0] = slow
outcome = pd.DataFrame({key: run.metrics.iloc[-1] for key, run in runs.items()}).T
outcome["directions"] = [means.directions(run) for run in runs.values()]
outcome["places"] = [means.places(run) for run in runs.values()]
shown = outcome[["directions", "places", "train_accuracy", "nc1"]].rename_axis(
    ["", "decay", "seed"]
)
shown["nc1"] = shown.nc1.where(shown.directions == 2)  # else a ratio along what is left, or 0/0
shown.style.format("{:.2g}", na_rep="–").format_index("{:g}", level="decay")

# %% [markdown]
# **What we saw.** Answer (b). Up to a point decay helps: NC1 falls by more than a power of ten. Beyond it the features shrink until noise shows again; and at the right end all three classes lie in one point: zero features, zero classifier, an output that is the same for every image. That is **not** neural collapse: between the means there is nothing left to measure, and NC1, a ratio of two zeros, is undefined.
#
# Shortly before, the means can end on one line (*directions* is 1). Then *places* tells whether two digits lie in one point or all three apart. Either way a third of the images is lost, and NC1 does not say so, since it looks only along the direction that is left: so the table leaves it out. Read the accuracy first.
#
# **Beside notebook 06.** *Free* features, with a decay $\lambda_H$ of their own, lose all directions together, at $C\theta = 1$ with $\theta = \sqrt{\lambda_W \lambda_H n}$. These networks lose one after the other, and here is the control: turn the decay up step by step, at a tenth of the rate, and both directions shrink alike, with every image right, past the decays at which networks trained anew have lost one. The way of the descent takes it, not the decay alone.
#
# **What it does not show.** Which threshold is this network's: see notebook 06.

# %% tags=["self-check"]
first, slowly = outcome.loc["anew"].xs(0, level=1), outcome.loc["step by step"]
claim("NC1 without decay / at decay 0.02", first.nc1[0.0] / first.nc1[0.02], above=10)
claim("NC1 at decay 0.1 / at decay 0.02", first.nc1[0.1] / first.nc1[0.02], above=3)
angles = first.max_angle_means
claim("angles off without decay / at decay 0.02", angles[0.0] / angles[0.02], above=5)
claim_collapsed("decay 0.02", first.loc[0.02])
claim("decay 0.3: directions, rank", outcome.loc["anew"].loc[0.3][["directions", "rank"]], below=1)
lost = outcome.loc["anew"].query("directions == 1")
claim("runs that end on a line", len(lost), above=0)
claim("their accuracy", lost.train_accuracy, below=0.75)
claim("their decays are in reach of the step by step", lost.index.get_level_values(0).min() <= 0.25)
claim("step by step: directions", slowly.directions == 2)
claim("step by step: accuracy", slowly.train_accuracy == 1)
even = [means.evenness(runs["step by step", decay, 0]) for decay in (0.1, 0.2, 0.25)]
claim("step by step: lesser direction / greater", even, above=0.9)

# %% [markdown] tags=["exercise"]
# ## Exercises
#
# ### Exercise 1: the loss (●○○, two lines)
#
# Write the squared error that the networks above were trained with: the mean over samples **and** classes. Expected: 0.1 for ten logits of zero, and what `nn.MSELoss` says.


# %% tags=["exercise"]
def squared_error(logits, labels):
    """Mean of (logit - one-hot)² for logits (N, C) and labels (N,)."""
    ...
    raise NotImplementedError("return one number")


# %% tags=["check"]
checks.check_squared_error(squared_error)


# %% tags=["solution"]
def squared_error(logits, labels):
    """Mean of (logit - one-hot)² for logits (N, C) and labels (N,)."""
    ### BEGIN SOLUTION
    targets = F.one_hot(labels, logits.shape[1])
    return (logits - targets).square().mean()
    ### END SOLUTION


checks.check_squared_error(squared_error)


# %% [markdown] tags=["exercise"]
# ### Exercise 2: giving up (●●○, paper and pencil, then one line)
#
# At the right end of the slider the output is the same for all images. Which constant is best, with equally many images of each class, and what does it cost? Give the least value of that loss (the mean over samples and classes) for $C$ classes. Expected: 0.25 for two, 0.09 for ten.


# %% tags=["exercise"]
def constant_output(num_classes):
    """Least squared error of an output that is the same for all samples."""
    ...
    raise NotImplementedError("return one number")


# %% tags=["check"]
checks.check_constant(constant_output)


# %% tags=["solution"]
def constant_output(num_classes):
    """Least squared error of an output that is the same for all samples."""
    ### BEGIN SOLUTION
    # best is the mean target, 1/C everywhere: C-1 outputs miss by 1/C, one by 1 - 1/C
    return (num_classes - 1) / num_classes**2
    ### END SOLUTION


checks.check_constant(constant_output)


# %% [markdown] tags=["exercise"]
# ### Exercise 3: two digits in one point (●●●, open)
#
# Find a run of `train_in_plane` at whose end two of the three digits lie in one point, and the third elsewhere: the two nearest class means are no farther apart than a twentieth of the two farthest. *Try decays between 0.2 and 0.3, another seed, more time.*


# %% tags=["exercise"]
def two_in_one():
    """A trajectory whose class means end in two points."""
    ...
    raise NotImplementedError("return train_in_plane(...)")


# %% tags=["check"]
checks.check_two_in_one(two_in_one)


# %% tags=["solution"]
def two_in_one():
    """A trajectory whose class means end in two points."""
    ### BEGIN SOLUTION
    return train_in_plane(weight_decay=0.25, epochs=150)
    ### END SOLUTION


checks.check_two_in_one(two_in_one)

# %% [markdown] tags=["instructor"]
# **For the teacher.** Forty-five minutes: section 1 on the board (5; the factor $2/C$ costs every class an hour later on, if it is not settled here), section 2 from the player with a vote (15), section 3 in groups (15), section 4 live (10). The votes' answers, questions for the class and the wrong answers that each check knows are in `TEACHING.md`.
#
# The usual misconceptions: *squared error is for regression only*; *a smaller loss value means more collapse* (the two losses are not on one scale); *NC1 = 0 at the end of the decay slider* (it is 0/0); *squared error collapses further, so it is better* (section 3: rate and decay differ with the loss, too).

# %% [markdown]
# ## What agrees with the papers, and what does not
#
# **Agrees:** all six cells collapse under squared error, NC1 falls on past zero error; test accuracy does not suffer from training on.
#
# **Differs:** as in notebook 02 the decay is larger, networks are narrower, and images are fewer than the papers' so that a CPU can do it; and the gains in test accuracy are smaller than the papers'. The paper leaves out data sets with more than ten classes, where squared error needs its targets scaled.
#
# ## Where this stops being true
#
# - **Too much decay** collapses the classes onto one another (section 4).
# - **No decay:** at the end of section 4's runs the angles are still several times further off the simplex than with some; notebook 04 shows that the loss can vanish without it.
# - **Unequal class sizes**, and more than $p + 1$ classes, as under cross-entropy.
#
# **Your own networks:** section 6 of notebook 02 trains them under both losses, with `losses_real = ["cross_entropy", "squared_error"]`.
#
# **Next:** notebook 04 splits the squared error into the part that collapse pays for and the part that the classifier does. **To cite:** Han, Papyan, Donoho 2022 for the phenomenon, `CITATION.cff` for this software.
