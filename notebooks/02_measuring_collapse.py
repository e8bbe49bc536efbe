# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] tags=["nc-badges"]
# # Measuring collapse: networks, data sets, and what comes after zero error
#
# <!-- badges: written by tools/nb.py stamp -->
# *To run it: open it in JupyterLab, Notebook, VS Code or a hosted notebook service;
# the set-up cell finds the library.*
# <!-- /badges -->
#
# Is neural collapse a curiosity of one small network, or what training does? Papyan, Han and Donoho measured it in three families of networks on seven data sets, with the same few numbers each time. This page takes those numbers apart, watches them in networks from a small MLP to a DenseNet, and asks what they do *not* say.

# %% [markdown]
# | | |
# | --- | --- |
# | **You will be able to** | *read* the panels of the paper · *compute* each number and say what it leaves out · *compare* networks and data sets · *tell* the training set from the test set in every claim |
# | **Needs** | notebook 00; what a mean, a norm and a cosine are; no GPU |
# | **Time** | fifteen minutes to read, thirty with the exercises; the cells take half a minute on two CPU cores; on a GPU section 5 trains the papers' networks |
# | **Data** | digits inside scikit-learn; recorded runs on MNIST and CIFAR-10 inside the package: nothing is downloaded on a CPU |
# | **Paper** | Papyan, Han, Donoho 2020, [*Prevalence of neural collapse during the terminal phase of deep learning training*](https://doi.org/10.1073/pnas.2015509117) |

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

import nclib
from nclib import runtime
from nclib.data.perturb import with_label_noise
from nclib.lessons.claims import claim
from nclib.lessons.measuring import checks
from nclib.pictures import comparisons, panels
from nclib.runs import presets, tables
from nclib.widgets.explore import explore

print(runtime.start())

# %% tags=["parameters"]
seed = 0  # of initial weights and sample order
epochs_real = runtime.choose(ci=20, laptop=60, gpu=60)  # section 5; the papers train for 350
folder = "runs"  # section 5 keeps its runs here; a folder of your Drive outlives a disconnect

# %% [markdown]
# ## 1. One run, eight panels
#
# **Question.** Pictures convince; numbers can be compared. Which numbers say that a network has collapsed?
#
# The next cell trains a small network on the ten digits, with cross-entropy, well past its last mistake.
#
# **Predict.** NC1 is the scatter within the classes, measured by the scatter between them. On its way down it passes the epoch where 99.9 % of the training images are right. Of its whole fall (count in factors of ten), how much comes *after* that epoch? **(a)** hardly any, **(b)** about half or more, **(c)** all of it.

# %%
digits = nclib.load_data("digits")


def train_digits(data=digits, **options):
    """Train an MLP as the quick preset does; options go to build_network."""
    network = nclib.build_network("mlp", data, seed=seed, **options)
    epochs = nclib.train(network, data, seed=seed, **presets.quick("mlp"))
    return network, nclib.Trajectory.of(epochs)


network, run = train_digits()
panels.collapse_panels(run)

# %% [markdown]
# Read the panels like this. **Upright line:** from here on at least 99.9 % of the training images are right; the authors call what follows the **terminal phase** of training. **NC1** (Figure 6 of the paper) has a log axis. **NC2** has three panels: do the class means have equal norms (Figure 2), do all pairs of them make equal angles (Figure 3), and is that angle the widest that ten directions can share (Figure 4)? The thin lines say the same of the classifier's rows. **NC3** compares classifier and means (Figure 5). **NC4** counts where the classifier and the *nearest class mean* decide differently (Figure 7): thick on training images, thin on test images, as the paper does, always with the means of the training set.
#
# The same run as a moving picture, its numbers beside it:

# %%
run.player()

# %%
run.summary().style.format("{:.2g}")

# %% [markdown]
# **What we saw.** Answer (b). Every number goes on falling through the terminal phase, long after accuracy has nothing left to gain.
#
# **What it does not show.** That they go to exactly zero: they fall as long as we watch. And the thin lines of NC1 and NC4 stay behind: collapse is about the training set.

# %% tags=["self-check"]
table = run.metrics.set_index("epoch")
first, terminal, last = (table.loc[e] for e in (0, run.terminal_epoch, run.epochs[-1]))
for name in ("nc1", "self_duality"):
    claim(f"terminal phase: {name} falls by a factor", terminal[name] / last[name], above=3)
claim("NC1 at the end", last.nc1, below=1e-2)
claim("the nearest mean decides the same on the training set", last.ncc_mismatch == 0)
claim("NC1 falls further after than before", terminal.nc1 / last.nc1 > first.nc1 / terminal.nc1)

# %% [markdown]
# ## 2. What the numbers are
#
# Most of them are a line of code. NC4, for a start, of any features $h$ with the class means $\mu_c$ **of the training set**:
#
# $$\mathrm{NC4} = \frac1N \#\left\{ i : \arg\max_c\, \langle w_c, h_i\rangle + b_c \;\neq\; \arg\min_c \lVert h_i - \mu_c \rVert \right\}$$


# %%
def ncc_mismatch(features, logits, class_means):
    """Share of samples where network and nearest class mean disagree (NC4)."""
    nearest = torch.cdist(features, class_means).argmin(1)
    return float((nearest != logits.argmax(1)).double().mean())


with torch.no_grad():
    train, test = (network.eval().features(split.images) for split in (digits.train, digits.test))
    means = nclib.ClassStatistics.from_features(train, digits.train.labels).class_means.float()
    by_hand = ncc_mismatch(test, network.classifier(test), means)
print(f"NC4 on the test set: {by_hand:.4f} by hand, {run.metrics.test_ncc_mismatch.iloc[-1]:.4f}")

# %% [markdown]
# The others, with $\dot M$ the matrix of rows $\mu_c - \mu_G$, where $\mu_G$ is the mean of the class means:
#
# | number | formula | in the table |
# | --- | --- | --- |
# | NC1 | $\operatorname{tr}(\Sigma_W \Sigma_B^{+})/C$ | `nc1` |
# | NC2, norms | $\operatorname{std}_c \lVert \dot\mu_c \rVert \,/\, \operatorname{mean}_c \lVert \dot\mu_c \rVert$ | `equinorm_means`, `equinorm_weights` |
# | NC2, spread of angles | $\operatorname{std}_{c \neq c'} \cos(\dot\mu_c, \dot\mu_{c'})$ | `equiangularity_…` |
# | NC2, widest angle | $\operatorname{mean}_{c \neq c'} \lvert \cos(\dot\mu_c, \dot\mu_{c'}) + \frac{1}{C-1} \rvert$ | `max_angle_…` |
# | NC3 | $\lVert W / \lVert W \rVert - \dot M / \lVert \dot M \rVert \rVert^2$ | `self_duality` |
#
# Why two numbers for the angles? Equal angles are not enough: ten orthogonal directions are perfectly equiangular. Only the second number tells them from a simplex:

# %%
orthogonal = torch.eye(10, dtype=torch.float64)
cosines = nclib.collapse.pair_cosines(orthogonal @ orthogonal.T)
spread, off = nclib.collapse.equiangularity(cosines), nclib.collapse.max_angle(cosines, 10)
print(f"ten orthogonal directions: spread of angles {spread:.3f}, off the widest {off:.3f} = 1/9")

# %% tags=["self-check"]
library = run.metrics.test_ncc_mismatch.iloc[-1]
claim("NC4 by hand is nclib's but for an image", abs(by_hand - library) <= 1 / len(digits.test))
claim("orthogonal directions: spread of angles", spread, below=1e-12)
claim("orthogonal directions: off the widest angle", off, near=1 / 9, below=1e-12)

# %% [markdown]
# ## 3. Networks × data sets
#
# **Question.** One network on one small data set proves little. What about others?
#
# These runs were recorded beforehand, with cross-entropy: digits whole; MNIST and CIFAR-10 with 500 images a class, in narrow versions of the papers' networks, so that a CPU could train them. Each file carries its settings, its environment and its date.

# %%
names = ["digits-mlp-ce-0", "digits-convnet-ce-0", "mnist-vgg11-ce", "mnist-resnet18-ce"]
names += ["mnist-densenet40-ce", "cifar10-vgg11-ce"]
recorded = [nclib.load_run(name) for name in names]
recorded[2].settings

# %% [markdown]
# **Predict.** Choose one: **(a)** all of them collapse alike; **(b)** all of them collapse, at a speed that depends on network and data; **(c)** networks with skip connections do not.
#
# Then move the slider through the panels of the paper.

# %%
quantities = ["nc1", "equinorm", "equiangularity", "max_angle", "self_duality", "ncc_mismatch"]
drawn = {q: comparisons.small_multiples(recorded, q).finished() for q in ["accuracy", *quantities]}
explore(lambda quantity: drawn[quantity], quantity=list(drawn), start={"quantity": "nc1"})

# %%
columns = ["nc1", "equinorm_means", "max_angle_means", "self_duality", "ncc_mismatch"]
ends = tables.ends(recorded).droplevel("loss")[["epoch", "train_accuracy", *columns]]
ends.style.format("{:.2g}", subset=columns).format("{:.4f}", subset=["train_accuracy"]).format(
    "{:.0f}", subset=["epoch"]
)

# %% [markdown]
# **What we saw.** Answer (b). In every cell every number ends far below its start, and NC1 falls on within the terminal phase. How far it gets in the epochs it was given depends on the network and on the data.
#
# **What not to conclude.** That the order of the networks is a law: widths, epochs and weight decay differ from the papers', and each cell is one run.

# %% tags=["self-check"]
for (data, net), cell in ends.groupby(level=["data", "network"], sort=False):
    start, reached, end = (cell.xs(m, level="moment").iloc[0] for m in ("start", "99.9 %", "end"))
    for name in columns:
        assert end[name] < start[name] / 2, f"{data} {net}: {name} {start[name]} → {end[name]}"
    claim(f"{data} {net}: NC1 at the end", end.nc1, below=min(start.nc1 / 30, reached.nc1))
    claim(f"{data} {net}: NC4 mismatch", end.ncc_mismatch, below=0.01)

# %% [markdown]
# ## 4. After zero error
#
# **Question.** Training on after zero error used to be called overfitting. What happens to the test set meanwhile?
#
# **Predict.** From the first epoch without a training error to the last epoch, test accuracy **(a)** falls, **(b)** stays or rises a little in most cells, **(c)** rises everywhere.

# %%
comparisons.accuracy_after_zero_error(recorded)

# %%
gain = tables.accuracy_gain(recorded).drop(columns="loss")
gain.style.format("{:.2f}", subset=["at_zero_error", "at_end", "gain"])

# %% [markdown]
# **What we saw.** Answer (b). The paper's Table 1 has 21 such cells: test accuracy rises in 18 of them, by a third of a point in the median, and falls in three. Here the learning rate also falls in that time, which alone would help: these runs cannot tell the two apart.
#
# **And collapse itself on test images?** Go back to the slider: under `nc1` the thin lines, the test set around *its own* class means, level off above the thick ones: a little where collapse has not gone far yet, ten times and more where it has.

# %% tags=["self-check"]
claim("gain in test accuracy, points, in every cell", gain.gain, above=-0.5)
claim("share of cells where test accuracy does not fall", (gain.gain >= 0).mean(), above=0.5)
ratios = [one.metrics.test_nc1.iloc[-1] / one.metrics.nc1.iloc[-1] for one in recorded]
claim("NC1, test / training, in every cell", ratios, above=2)
claim("the same in the upper half of the cells", sorted(ratios)[len(ratios) // 2 :], above=10)

# %% [markdown]
# ### The control: labels that mean nothing
#
# If collapse were a sign of having understood digits, it could not happen with labels drawn at random. Each training image below has one of the ten labels, chosen by chance.
#
# **Predict:** the network **(a)** cannot learn them, **(b)** learns them by heart without collapsing, **(c)** learns them by heart and collapses.

# %%
shuffled = with_label_noise(digits, 0.9, seed=seed)  # 9 of 10 get another class's: all equal chance
_, random_run = train_digits(shuffled)
panels.collapse_panels({"true labels": run, "random labels": random_run})

# %% [markdown]
# **What we saw.** Answer (c). It takes longer, and NC1 is behind at the end; but the training set is learnt without a mistake and the simplex is there. On test images the network is as good as guessing. **Collapse says that a network has fitted its training set, not that it has learnt anything true.**

# %% tags=["self-check"]
end = random_run.metrics.iloc[-1]
claim("random labels: training accuracy", end.train_accuracy, above=0.99)
claim("random labels: test accuracy", end.test_accuracy, below=0.2)
claim("random labels: NC1, angles off the simplex", [end.nc1, end.max_angle_means], below=0.1)

# %% [markdown]
# ## 5. Train for real
#
# The same again with networks of your own. On a GPU this cell trains the papers' networks at full width and with the papers' settings (but for the epochs, see *parameters*); on a CPU it stays with digits. Every finished run is kept in the folder, and one that was interrupted goes on where it stopped: **run the cell again after a disconnect**.

# %%
plan = runtime.choose(
    ci=[("digits", "mlp")],
    laptop=[("digits", "mlp"), ("digits", "convnet")],
    gpu=[("mnist", "resnet18"), ("mnist", "vgg11"), ("cifar10", "resnet18")],
)


def configuration(data, network, loss="cross_entropy"):
    """The papers' settings on a GPU, quick ones on a CPU."""
    paper = nclib.profile() == "gpu"
    settings = presets.paper(network, data, loss) if paper else presets.quick(network, loss)
    return {"data": data, "network": network, "seed": seed, **settings, "epochs": epochs_real}


mine = nclib.sweep([configuration(*cell) for cell in plan], folder=folder)
comparisons.small_multiples(mine.runs.values(), "nc1")

# %%
mine.table[["epoch", "train_accuracy", "test_accuracy", *columns]].style.format("{:.3g}")

# %% tags=["self-check"]
claim(f"runs that failed: {mine.failures or 'none'}", not mine.failures)
for one in mine.runs.values():
    ratio = one.metrics.nc1.iloc[-1] / one.metrics.nc1.iloc[0]
    claim(f"{one.title}: NC1 at the end, in units of the start's", ratio, below=1 / 5)

# %% [markdown] tags=["exercise"]
# ## Exercises
#
# ### Exercise 1: equal norms (●○○, three lines)
#
# Complete the first NC2 number: the standard deviation (with divisor $C-1$) over the mean of the norms of the **centred** class means. Expected: 0 for a simplex, wherever it stands.


# %% tags=["exercise"]
def equinorm(class_means):
    """Std over mean of the centred norms, for class means (C, p)."""
    ...
    raise NotImplementedError("return one number")


# %% tags=["check"]
checks.check_equinorm(equinorm)


# %% tags=["solution"]
def equinorm(class_means):
    """Std over mean of the centred norms, for class means (C, p)."""
    ### BEGIN SOLUTION
    norms = (class_means - class_means.mean(0)).norm(dim=1)
    return float(norms.std() / norms.mean())
    ### END SOLUTION


checks.check_equinorm(equinorm)


# %% [markdown] tags=["exercise"]
# ### Exercise 2: two classes (●●○, paper and pencil, then one line)
#
# A network tells cats from dogs. Some of the five numbers `nc1`, `equinorm_means`, `equiangularity_means`, `max_angle_means`, `self_duality` are then 0 **whatever the class means are**, trained or not, and measure nothing. Which? *Write the two centred means down.*


# %% tags=["exercise"]
def vacuous():
    """Names of the numbers that are 0 for any two class means."""
    ...
    raise NotImplementedError("return a set of names")


# %% tags=["check"]
checks.check_vacuous(vacuous)


# %% tags=["solution"]
def vacuous():
    """Names of the numbers that are 0 for any two class means."""
    ### BEGIN SOLUTION
    # centred, two means are δ and -δ: equal norms, one angle, cos = -1 = -1/(C-1)
    return {"equinorm_means", "equiangularity_means", "max_angle_means"}
    ### END SOLUTION


checks.check_vacuous(vacuous)


# %% [markdown] tags=["exercise"]
# ### Exercise 3: points, but no simplex (●●○, open)
#
# Find a run of `train_digits` whose classes shrink to points (NC1 below 0.01 at the end) although the points do *not* form the simplex (`max_angle_means` above 0.1). There is more than one way; the check accepts any. *`train_digits` hands its options on to `build_network`.*


# %% tags=["exercise"]
def no_simplex():
    """A trajectory with NC1 < 0.01 and max_angle_means > 0.1 at its end."""
    ...
    raise NotImplementedError("return train_digits(...)[1]")


# %% tags=["check"]
checks.check_no_simplex(no_simplex)


# %% tags=["solution"]
def no_simplex():
    """A trajectory with NC1 < 0.01 and max_angle_means > 0.1 at its end."""
    ### BEGIN SOLUTION
    # the simplex of ten classes needs nine dimensions
    return train_digits(num_features=5, linear_features=True)[1]
    ### END SOLUTION


checks.check_no_simplex(no_simplex)

# %% [markdown] tags=["instructor"]
# **For the teacher.** One lab of ninety minutes: sections 1 and 2 together (30), section 3 in groups, one panel each, reporting what it shows and what it would miss (25), section 4 with a vote before each cell (20), one exercise (15). On the board: three arrows at right angles in space and three at 120° in a plane; both have equal angles, one has the widest. The votes' answers, questions for the class and the wrong answers that each check knows are in `TEACHING.md`.
#
# The usual misconceptions: *collapse is measured on test data* (only NC4's thin line is, and NC1's); *NC1 → 0 implies NC2* (exercise 3); *the random-label network must look different inside* (it hardly does); *a small number is a collapsed network* (for two classes three of them are zero at birth).

# %% [markdown]
# ## What agrees with the papers, and what does not
#
# **Agrees:** all of NC1–NC4 fall in every cell, go on falling in the terminal phase, and the classifier's norms and angles even out before the means' do; test accuracy mostly rises after zero error.
#
# **Differs:** the weight decay here is ten times the papers' and the networks are an eighth or a quarter as wide, so that collapse comes in tens of epochs rather than hundreds; 500 images a class instead of 5,000, for DenseNet at 14×14 pixels; CIFAR-10 from JPEG files, which lose a little of each image; one seed for each large cell. The papers' own settings are what section 5 runs on a GPU.
#
# ## Where this stops being true
#
# - **Few epochs, no decay, no batch norm:** then NC1 stops far from zero in any time you will wait.
# - **More classes than dimensions allow** ($C > p + 1$): there is no simplex to go to (exercise 3).
# - **Unequal class sizes** bend the figure; very rare classes merge.
# - **Test data** follow only part of the way, and out-of-distribution data not at all.
#
# **Next:** notebook 03 does the same under squared error. **To read on:** Papyan, Han, Donoho 2020; Zhu et al. 2021 for random labels. **To cite:** the papers for the phenomenon, `CITATION.cff` for this software.
