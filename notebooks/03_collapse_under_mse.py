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
# | **Time** | ten minutes to read, twenty-five with the exercises; the cells take half a minute on two CPU cores; on a GPU section 5 trains the papers' networks |
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
import torch
import torch.nn.functional as F

import nclib
from nclib import cosine_schedule, runtime
from nclib.lessons.claims import claim
from nclib.lessons.squared import checks
from nclib.pictures import comparisons, panels, plane
from nclib.runs import presets, tables
from nclib.widgets.explore import explore

print(runtime.start())

# %% tags=["parameters"]
seed = 0  # of initial weights and sample order
epochs_plane = runtime.choose(ci=60, laptop=100)  # section 4; 0.5 s on one core
epochs_real = runtime.choose(ci=20, laptop=60, gpu=60)  # section 5; the papers train for 350
folder = "runs"  # section 5 keeps its runs here; a folder of your Drive outlives a disconnect
decays = [0.0, 1e-3, 5e-3, 2e-2, 0.1, 0.2, 0.3]  # weight decays to try in section 4

# %% [markdown]
# ## 1. Classification as regression
#
# The label $y$ becomes a target of $C$ numbers, the one-hot vector $e_y$, and the loss is how far the output is from it:
#
# $$L = \frac{1}{2N} \sum_{i=1}^{N} \lVert W h_i + b - e_{y_i} \rVert^2$$
#
# Beware of the scaling. The papers write this $L$, half of the sum over the classes; `nn.MSELoss` takes the mean over samples **and** classes, which is $\frac{2}{C} L$. The minimum is the same. A weight decay that stands beside it is not: beside `nn.MSELoss` it weighs $C/2$ times as much (notebook 04 needs that).

# %%
digits = nclib.load_data("digits")
network = nclib.build_network("mlp", digits, seed=seed).eval()
with torch.no_grad():
    logits, labels = network(digits.train.images), digits.train.labels
half_sum = (logits - F.one_hot(labels, 10)).square().sum(1).mean() / 2
mean = torch.nn.MSELoss()(logits, F.one_hot(labels, 10).float())
print(f"L = {half_sum:.4f}, nn.MSELoss = {mean:.4f}, 2/C·L = {2 / 10 * half_sum:.4f}")

# %% tags=["self-check"]
ours = float(nclib.losses.squared_error(logits, labels))
claim("the loss trained with, nn.MSELoss's", ours, near=float(mean), below=1e-6)
claim("the loss trained with, 2/C·L", ours, near=float(2 / 10 * half_sum), below=1e-6)

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
    last = run.metrics.iloc[-1]
    claim(f"{name}: NC1 at the end", last.nc1, below=2e-3)
    claim(f"{name}: angles off", last.max_angle_means, below=0.06)
    claim(f"{name}: self-duality", last.self_duality, below=0.05)
    claim(f"{name}: the nearest mean decides the same", last.ncc_mismatch == 0)
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
columns = ["nc1", "equinorm_means", "max_angle_means", "self_duality", "ncc_mismatch"]
ends = tables.ends(recorded)[["epoch", "train_accuracy", *columns]]
squared_ends = ends.xs("squared_error", level="loss")
squared_ends.style.format("{:.2g}", subset=columns).format("{:.4f}", subset=["train_accuracy"])

# %%
last = ends.xs("end", level="moment").nc1.unstack("loss")
last.assign(ratio=last.cross_entropy / last.squared_error).style.format("{:.2g}")

# %% [markdown]
# **What we saw.** The table *NC1 at the end* gives the answer for these settings. In every cell all of NC1–NC4 fall under squared error, too, and NC1 goes on falling in the terminal phase.
#
# **What not to conclude.** That the *loss* makes the difference: its natural learning rate and decay differ, and with them how fast collapse comes. The paper compares the losses at settings tuned to test error, and finds collapse under both.

# %% tags=["self-check"]
for (data, net), cell in squared_ends.groupby(level=["data", "network"], sort=False):
    start, reached, end = (cell.xs(m, level="moment").iloc[0] for m in ("start", "99.9 %", "end"))
    for name in columns:
        assert end[name] < start[name] / 2, f"{data} {net}: {name} {start[name]} → {end[name]}"
    claim(f"{data} {net}: NC1 at the end", end.nc1, below=min(start.nc1 / 30, reached.nc1))
    claim(f"{data} {net}: NC4 mismatch", end.ncc_mismatch, below=0.01)

# %% [markdown]
# **And the test set?** The paper reports that under squared error test accuracy rises more after zero error than under cross-entropy (by 0.96 points in the median against 0.35).

# %%
comparisons.accuracy_after_zero_error(recorded)

# %%
gain = tables.accuracy_gain(recorded)
gain.groupby("loss").gain.describe()[["count", "min", "50%", "max"]].style.format("{:.2f}")

# %% tags=["self-check"]
for loss, of_loss in gain.groupby("loss"):
    claim(f"{loss}: median gain after zero error, points", of_loss.gain.median(), above=-0.1)

# %% [markdown]
# ## 4. A knob that breaks it: weight decay
#
# Three digits and two features, as in notebook 00, but with squared error. Decay pulls all weights towards zero; squared error can be had for less at the price of giving up.
#
# **Predict:** turning the decay up, collapse **(a)** goes further and further; **(b)** goes further, then less far, and in the end there is nothing; **(c)** does not depend on it.

# %%
three = nclib.load_data("digits", classes=[0, 1, 2])


def train_in_plane(weight_decay, epochs=epochs_plane):
    """Train the network with two features under squared error."""
    options = dict(num_features=2, linear_features=True, width=128, seed=seed)
    network = nclib.build_network("mlp", three, **options)
    settings = dict(loss="squared_error", learning_rate=0.2, schedule=cosine_schedule)
    run = nclib.train(network, three, epochs=epochs, weight_decay=weight_decay, **settings)
    return nclib.Trajectory.of(run)


# %%
reference = train_in_plane(2e-2)
knob = plane.plane_with_curve(reference)
explore(
    lambda weight_decay: knob(train_in_plane(weight_decay)),
    weight_decay=decays,
    start={"weight_decay": 2e-2},
    on_release=True,
)

# %% [markdown]
# **What we saw.** Answer (b). Up to a point decay helps: NC1 falls by more than a power of ten. Beyond it the features shrink until noise shows again; and at the right end all three classes lie in one point: zero features, zero classifier, an output that is the same for every image. That is **not** neural collapse: between the means there is nothing left to measure, and NC1, a ratio of two zeros, is undefined. Notebook 06 derives the threshold.

# %%
ended = {decay: train_in_plane(decay).metrics.iloc[-1] for decay in decays}
for decay, end in ended.items():
    right = f"accuracy {end.train_accuracy:.2f}"
    print(f"decay {decay:g}: rank {end['rank']:.0f}, {right}, NC1 {end.nc1:.1e}")

# %% tags=["self-check"]
values = {decay: end.nc1 for decay, end in ended.items()}
claim("NC1 without decay / at decay 0.02", values[0.0] / values[2e-2], above=10)
claim("NC1 at decay 0.1 / at decay 0.02", values[0.1] / values[2e-2], above=3)
claim("the class means span two dimensions at decay 0.02", ended[2e-2]["rank"] == 2)
claim("the class means span none at decay 0.3", ended[0.3]["rank"] == 0)

# %% [markdown]
# ## 5. Train for real
#
# Both losses with networks of your own: the papers' networks and settings on a GPU (but for the epochs, see *parameters*), digits on a CPU. Finished runs are kept in the folder; **run the cell again after a disconnect**.

# %%
plan = runtime.choose(
    ci=[("digits", "mlp")],
    laptop=[("digits", "mlp"), ("digits", "convnet")],
    gpu=[("mnist", "resnet18"), ("mnist", "vgg11"), ("cifar10", "vgg11")],
)


def configuration(data, network, loss):
    """The papers' settings on a GPU, quick ones on a CPU."""
    paper = nclib.profile() == "gpu"
    settings = presets.paper(network, data, loss) if paper else presets.quick(network, loss)
    return {"data": data, "network": network, "seed": seed, **settings, "epochs": epochs_real}


configurations = [configuration(*cell, loss) for cell in plan for loss in losses.values()]
mine = nclib.sweep(configurations, folder=folder)
comparisons.small_multiples(mine.runs.values(), "nc1")

# %%
mine.table[["loss", "epoch", "train_accuracy", "test_accuracy", *columns]]

# %% tags=["self-check"]
claim(f"runs that failed: {mine.failures or 'none'}", not mine.failures)
for one in mine.runs.values():
    ratio = one.metrics.nc1.iloc[-1] / one.metrics.nc1.iloc[0]
    claim(f"{one.title}: NC1 at the end, in units of the start's", ratio, below=1 / 5)

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
# Between the simplex and nothing there is something else. Find a run of `train_in_plane` at whose end the class means span exactly **one** dimension (`rank` 1): two of the three digits lie in the same point. *Try decays between 0.2 and 0.3, and give it time.*


# %% tags=["exercise"]
def two_in_one():
    """A trajectory whose class means span one dimension at its end."""
    ...
    raise NotImplementedError("return train_in_plane(...)")


# %% tags=["check"]
checks.check_two_in_one(two_in_one)


# %% tags=["solution"]
def two_in_one():
    """A trajectory whose class means span one dimension at its end."""
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
# **Agrees:** collapse under squared error in every cell, all four signs, well past zero error; test accuracy does not suffer from training on.
#
# **Differs:** as in notebook 02 the decay is larger, networks are narrower, and images are fewer than the papers' so that a CPU can do it; the gains in test accuracy are smaller than the paper's, because these runs are near their best already when they make their last mistake. The paper leaves out data sets with more than ten classes, where squared error needs its targets scaled.
#
# ## Where this stops being true
#
# - **Too much decay** collapses the classes onto one another (section 4).
# - **No decay:** the classifier does not align for a long time, if ever; notebook 04 shows that it does not need to for the loss to vanish.
# - **Unequal class sizes**, and more than $p + 1$ classes, as under cross-entropy.
#
# **Next:** notebook 04 splits the squared error into the part that collapse pays for and the part that the classifier does. **To cite:** Han, Papyan, Donoho 2022 for the phenomenon, `CITATION.cff` for this software.
