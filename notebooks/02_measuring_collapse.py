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
# Is neural collapse a curiosity of one network, or what training does? Papyan, Han and Donoho measured it in three families of networks on seven data sets, with the same few numbers. This page takes those numbers apart, watches them in networks from a small MLP to a DenseNet, and asks what they need, and what they do *not* say.

# %% [markdown]
# | | |
# | --- | --- |
# | **You will be able to** | *read* the panels of the paper · *compute* each number and say what it leaves out · *compare* networks and data sets · *tell* the training set from the test set in every claim · *say* what batch norm, decay and rate have to do with it |
# | **Needs** | notebook 00; what a mean, a norm and a cosine are; no GPU |
# | **Time** | fifteen minutes to read, thirty with the exercises; the cells take half a minute on two CPU cores; on a GPU section 6 trains the papers' networks |
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
from nclib.lessons.claims import claim, claim_collapsed
from nclib.lessons.measuring import checks, pictures
from nclib.pictures import comparisons, panels
from nclib.quantities import COLLAPSED
from nclib.runs import grid, presets, tables
from nclib.widgets.explore import explore

print(runtime.start())

# %% tags=["parameters"]
seed = 0  # of initial weights and sample order
epochs_real = runtime.choose(ci=20, laptop=60, gpu=60)  # section 6; the papers train for 350
losses_real = ["cross_entropy"]  # section 6; for notebook 03 add "squared_error"
folder = "runs"  # section 6 keeps its runs here; a folder of your Drive outlives a disconnect

# %% [markdown]
# ## 1. One run, eight panels
#
# **Question.** Pictures convince; numbers compare. Which of them say that a network has collapsed?
#
# The next cell trains a small network on digits, with cross-entropy, well past its last mistake.
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
# **Upright line:** from here on at least 99.9 % of the training images are right; the authors call what follows the **terminal phase** of training. **NC1** (Figure 6 of the paper) has a log axis. **NC2** has three panels: do the class means have equal norms (Figure 2), do all pairs of them make equal angles (Figure 3), and is that angle the widest that ten directions can share (Figure 4)? The thin lines say the same of the classifier's rows. **NC3** compares classifier and means (Figure 5). **NC4** counts where the classifier and the *nearest class mean* decide differently (Figure 7): thick on training images, thin on test images, as the paper does, always with the means of the training set.
#
# The same run, moving, and its numbers:

# %%
run.player()

# %%
run.summary().style.format("{:.2g}")

# %% [markdown]
# **What we saw.** Answer (b). NC1, NC2 and NC3 go on falling through the terminal phase, long after accuracy has nothing left to gain; NC4 is zero already when it begins.
#
# **One yardstick.** Networks are called *collapsed* here, and in the whole suite, when on their training set NC1 is below 0.05, the norms are within 0.1, the angles within 0.1 of the widest, NC3 is below 0.1, and NC4 below 1 %.
#
# **What it does not show.** That they reach zero: they fall as long as we watch. And on the test set NC1 (thin) stays behind: collapse is about the training set.

# %% tags=["self-check"]
table = run.metrics.set_index("epoch")
first, terminal, last = (table.loc[e] for e in (0, run.terminal_epoch, run.epochs[-1]))
columns = list(COLLAPSED)  # nc1, equinorm_means, max_angle_means, self_duality, ncc_mismatch
claim("terminal phase: they fall by a factor", (terminal / last)[columns[:4]], above=2)
claim("NC4 when it begins, and at the end", [terminal.ncc_mismatch, last.ncc_mismatch], below=1e-9)
claim("NC1 falls further after than before", terminal.nc1 / last.nc1 > first.nc1 / terminal.nc1)
claim("NC1, test / training", last.test_nc1 / last.nc1, above=10)
claim_collapsed("at the end", last)

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
# The others, where $\mu_G$ is the mean of the class means and $\dot M$ has the rows $\mu_c - \mu_G$:
#
# | number | formula | in the table |
# | --- | --- | --- |
# | NC1 | $\operatorname{tr}(\Sigma_W \Sigma_B^{+})/C$ | `nc1` |
# | NC2, norms | $\operatorname{std}_c \lVert \dot\mu_c \rVert \,/\, \operatorname{mean}_c \lVert \dot\mu_c \rVert$ | `equinorm_means`, `equinorm_weights` |
# | NC2, spread of angles | $\operatorname{std}_{c \neq c'} \cos(\dot\mu_c, \dot\mu_{c'})$ | `equiangularity_…` |
# | NC2, widest angle | $\operatorname{mean}_{c \neq c'} \lvert \cos(\dot\mu_c, \dot\mu_{c'}) + \frac{1}{C-1} \rvert$ | `max_angle_…` |
# | NC3 | $\lVert W / \lVert W \rVert - \dot M / \lVert \dot M \rVert \rVert^2$ | `self_duality` |
#
# The standard deviation of the norms has the divisor $C-1$, that of the cosines the number of pairs.
#
# Why two numbers for angles? Equal ones are not enough: ten orthogonal directions are perfectly equiangular. Only the second number tells them from a simplex:

# %%
orthogonal = torch.eye(10, dtype=torch.float64)
cosines = nclib.collapse.pair_cosines(orthogonal @ orthogonal.T)
spread, off = nclib.collapse.equiangularity(cosines), nclib.collapse.max_angle(cosines, 10)
print(f"ten orthogonal directions: spread of angles {spread:.3f}, off the widest {off:.3f} = 1/9")

# %% tags=["self-check"]
library = run.metrics.test_ncc_mismatch.iloc[-1]
claim("NC4 by hand is nclib's but for an image", abs(by_hand - library) <= 1 / len(digits.test))
centred, last = means - means.mean(0), run.metrics.iloc[-1]
norms, found = centred.norm(dim=1), nclib.collapse.pair_cosines(centred @ centred.T)
by_hand = norms.std(correction=1) / norms.mean()
claim("norms, divisor C-1", by_hand, near=last.equinorm_means, below=1e-5)
by_hand = found.std(correction=0)
claim("angles, divisor number of pairs", by_hand, near=last.equiangularity_means, below=1e-5)
claim("orthogonal directions: spread of angles", spread, below=1e-12)
claim("orthogonal directions: off the widest angle", off, near=1 / 9, below=1e-12)

# %% [markdown]
# ## 3. Networks × data sets
#
# **Question.** One network on one small data set proves little. What about others?
#
# These runs were recorded beforehand, with cross-entropy: digits whole; MNIST and CIFAR-10 with 500 images a class, in narrow versions of the papers' networks. Each file carries its settings, its environment and its date.

# %%
names = ["digits-mlp-ce-0", "digits-convnet-ce-0", "mnist-vgg11-ce", "mnist-resnet18-ce"]
names += ["mnist-densenet40-ce", "cifar10-vgg11-ce"]
recorded = [nclib.load_run(name) for name in names]
recorded[2].settings

# %% [markdown]
# **Predict.** Choose one: **(a)** all of them collapse alike; **(b)** all of them collapse, at a speed that depends on network and data; **(c)** networks with skip connections do not.
#
# Then move the slider through the paper's panels.

# %%
quantities = ["nc1", "equinorm", "equiangularity", "max_angle", "self_duality", "ncc_mismatch"]
drawn = {q: comparisons.small_multiples(recorded, q).finished() for q in ["accuracy", *quantities]}
explore(lambda quantity: drawn[quantity], quantity=list(drawn), start={"quantity": "nc1"})

# %%
ends = tables.ends(recorded).droplevel("loss")
shown = ends[["epoch", "train_accuracy", *columns]].astype({"epoch": int})
shown.style.format("{:.2g}", subset=columns).format("{:.4f}", subset=["train_accuracy"])

# %% [markdown]
# **What we saw.** Answer (b). All six cells end collapsed, and in each NC1 falls on within the terminal phase. The other numbers need not: in the ResNet and the DenseNet the norms of the means grow a tenth *less* equal again, and in the ResNet NC3 rises. The classifier is ahead: when the terminal phase begins, its norms are more even than the means' in all six, its angles nearer the widest in five.
#
# **What not to conclude.** That the order of the networks is a law: each cell is one run.

# %% tags=["self-check"]
start, reached, end = (ends.xs(m, level="moment") for m in ("start", "99.9 %", "end"))
for cell, row in end.iterrows():
    claim_collapsed(" ".join(cell), row)
claim("NC1 at the end / at the start", end.nc1 / start.nc1, below=1 / 30)
later = (end / reached)[columns[:4]].stack()
claim("NC1 at the end / at 99.9 %", later.xs("nc1", level=-1), below=0.7)
claim("any measure at the end / at 99.9 %", later, below=1.15)
claim("three of these 24 rise", sum(later > 1) == 3)
claim("norms at 99.9 %, W / means", reached.equinorm_weights / reached.equinorm_means, below=0.7)
claim("angles: W ahead in five", sum(reached.max_angle_weights < reached.max_angle_means) == 5)

# %% [markdown]
# ## 4. After zero error
#
# **Question.** Training on after zero error used to be called overfitting. What happens on test images?
#
# **Predict.** From the first epoch without a training error to the last epoch, test accuracy **(a)** falls, **(b)** hardly moves in most cells, **(c)** rises in most.

# %%
comparisons.accuracy_after_zero_error(recorded)

# %%
gain = tables.accuracy_gain(recorded).drop(columns="loss")
gain.style.format("{:.2f}", subset=["at_zero_error", "at_end", "gain"])

# %% [markdown]
# **What we saw.** Answer (b). In five of six cells it moves by less than 0.2 points, up or down; the MLP gains two. The paper's Table 1 has 21 such cells: test accuracy rises in 18 of them, by a third of a point in the median, and falls in three. The learning rate falls, too, in that time: neither table tells the two apart.
#
# **And collapse itself on test images?** Go back to the slider: under `nc1` the thin lines, the test set around *its own* class means, end at least twice as high as the thick ones, in most cells ten times, and not only where collapse has gone far: the CIFAR-10 network collapsed least, and is behind by a factor of thirty.

# %% tags=["self-check"]
claim("test accuracy moves by less than 0.2 points in five", sum(gain.gain.abs() < 0.2) == 5)
claim("and in the MLP by", gain.set_index("network").gain["mlp"], above=1.5)
claim("some rise, some fall", [gain.gain.max() > 0, gain.gain.min() < 0])
ratios = end.test_nc1 / end.nc1
claim("NC1, test / training, in every cell", ratios, above=2)
claim("the same in most cells", sorted(ratios)[len(ratios) // 2 - 1 :], above=10)
claim("the same on CIFAR-10", ratios["cifar10-jpg"], above=30)
claim("which collapsed least", end.nc1.idxmax()[0] == "cifar10-jpg")

# %% [markdown]
# ### The control: labels that mean nothing
#
# If collapse were a sign of having understood digits, it could not happen with labels drawn at random: each training image below has one of the ten, chosen by chance.
#
# **Predict:** the network **(a)** cannot learn them, **(b)** learns them by heart without collapsing, **(c)** learns them by heart and collapses.

# %%
shuffled = with_label_noise(digits, 0.9, seed=seed)  # 9 of 10 get another class's: all equal chance
_, random_run = train_digits(shuffled)
panels.collapse_panels({"true labels": run, "random labels": random_run})

# %% [markdown]
# **What we saw.** Answer (c). It takes longer, and NC1 ends ten times higher and more; but the training set is learnt without a mistake, and by the yardstick of section 1 the network is collapsed. On test images it is as good as guessing. **Collapse says that a network has fitted its training set, not that it has learnt anything true.**

# %% tags=["self-check"]
by_chance = random_run.metrics.iloc[-1]
claim("random labels: training accuracy", by_chance.train_accuracy == 1)
claim("random labels: test accuracy", by_chance.test_accuracy, below=0.2)
claim("zero error comes later", random_run.zero_error_epoch > run.zero_error_epoch)
claim_collapsed("random labels", by_chance)
claim("NC1, random labels / true ones", by_chance.nc1 / run.metrics.nc1.iloc[-1], above=10)

# %% [markdown]
# ## 5. What it takes: batch norm, decay, learning rate
#
# **Question.** All networks so far have batch norm and a weight decay. What is each needed for? Pan & Cao (2023) report that *together* they draw features together.
#
# The MLP of section 1, half as wide, was trained beforehand over a grid: with and without batch norm, five decays, three learning rates, a hundred epochs, three seeds. Below, the yardstick in one cell, and NC1 along the decays at its rate.
#
# **Predict.** Take batch norm out and turn the decay up. The network **(a)** collapses, only later; **(b)** collapses at the larger decays; **(c)** collapses nowhere on this grid.

# %%
cells = grid.load_grid()
short, longer = cells[cells.epochs == 100], cells[cells.epochs == 300]
yardstick = pictures.what_it_takes(short)
choices = dict(weight_decay=grid.DECAYS, learning_rate=grid.RATES)
start = dict(weight_decay=1e-2, learning_rate=0.1)
explore(yardstick, batch_norm=["with", "without"], **choices, start=start)

# %% [markdown]
# **What we saw.** Answer (c). None of the 45 runs *without* batch norm collapses; at rate 0.1 the median NC1 rises with every step of decay, and three hundred epochs leave it higher still. *With* batch norm no run collapses without decay; where decay times rate is 9e-4 or more all do, whatever the seed; at 1e-4 or less none does; at 3e-4 some. More is not further in everything: at the highest rate NC1 turns up again, while angles and NC3 still fall.
#
# **What it does not show.** That collapse *needs* batch norm: this is one small network, one data set, plain SGD. Nor where undecayed networks would be after thousands of epochs. Two of the runs without it, at the highest rate, died: all class means coincide, which is no collapse.

# %% tags=["self-check"]
normed, plain = short[short.batch_norm], short[~short.batch_norm]
pull = normed.weight_decay * normed.learning_rate
claim("batch norm, decay × rate from 9e-4 on: collapsed", normed.collapsed[pull > 8e-4])
claim("batch norm, up to 1e-4: not collapsed", ~normed.collapsed[pull < 2e-4])
share = normed.collapsed[(pull > 2e-4) & (pull < 8e-4)].mean()
claim("batch norm, at 3e-4: collapsed, a share of", share, above=0, below=1)
claim(
    "collapsed without batch norm, in 100 or 300", sum(plain.collapsed) + sum(longer.collapsed) == 0
)
middle = plain[plain.learning_rate == 0.1].groupby("weight_decay").nc1.median()
claim("without, rate 0.1: step of NC1 along the decays", middle.diff().dropna(), above=0)
claim("NC1, 300 / 100 epochs", longer.groupby("weight_decay").nc1.median() / middle, above=1)

# %% tags=["self-check"]
fast = normed[normed.learning_rate == 0.3].groupby("weight_decay")[columns[:4]].median()
turn = (fast.loc[0.03] / fast.loc[0.003]).drop("equinorm_means")
claim("rate 0.3, decay 0.03 / 0.003: NC1", turn.pop("nc1"), above=1.5)
claim("the same of angles and NC3", turn, below=0.5)
claim("runs that died: without batch norm, rate 0.3", sum(plain.nc1.isna()) == 2)

# %% [markdown]
# ## 6. Train for real
#
# On a GPU this cell trains the papers' networks at full width, in float32, on 5,000 images a class, at the papers' settings but for the epochs: 60 instead of 350 (see *parameters*). Where the papers print no rate for a cell, it takes one they print for another. On a CPU it stays with digits. Finished runs are kept in the folder, interrupted ones go on where they stopped: **run the cell again after a disconnect**.

# %%
plan = runtime.choose(
    ci=[("digits", "mlp")],
    laptop=[("digits", "mlp"), ("digits", "convnet")],
    gpu=[("mnist", "resnet18"), ("mnist", "vgg11"), ("cifar10", "resnet18")],
)


def configuration(data, network, loss="cross_entropy"):
    """The papers' settings on a GPU, quick ones on a CPU."""
    settings = presets.quick(network, loss)
    if nclib.profile() == "gpu":
        settings = presets.paper(network, data, loss) | dict(per_class=5000, precision="float32")
    return {"data": data, "network": network, "seed": seed, **settings, "epochs": epochs_real}


mine = nclib.sweep([configuration(*c, loss) for c in plan for loss in losses_real], folder=folder)
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
# The MLP has 64 features: room for the simplex of ten classes. Find training data with which `train_digits` still makes no mistake and ends in points (NC1 below 0.05), while the points do *not* form the simplex (`max_angle_means` above 0.1). There is more than one way; the check accepts any. *Look into `nclib.data.perturb`.*


# %% tags=["exercise"]
def no_simplex():
    """A trajectory with NC1 < 0.05 and max_angle_means > 0.1 at its end."""
    ...
    raise NotImplementedError("return train_digits(...)[1]")


# %% tags=["check"]
checks.check_no_simplex(no_simplex)


# %% tags=["solution"]
def no_simplex():
    """A trajectory with NC1 < 0.05 and max_angle_means > 0.1 at its end."""
    ### BEGIN SOLUTION
    # five digits with fifteen times fewer images: their means move together
    return train_digits(nclib.perturb.imbalanced(digits, 15))[1]
    ### END SOLUTION


checks.check_no_simplex(no_simplex)

# %% [markdown] tags=["instructor"]
# **For the teacher.** One lab of ninety minutes: sections 1 and 2 together (30), section 3 in groups, one panel each, reporting what it shows and what it would miss (25), section 4 with a vote before each cell (15), section 5 from its sliders (10), one exercise (10). On the board: three arrows at right angles in space and three at 120° in a plane; both have equal angles, one has the widest. The votes' answers, questions for the class and the wrong answers that each check knows are in `TEACHING.md`.
#
# The usual misconceptions: *collapse is measured on test data* (only NC4's thin line is, and NC1's); *NC1 → 0 implies NC2* (exercise 3); *the random-label network must look different inside* (it collapses, only less far); *a small number is a collapsed network* (for two classes three of them are zero at birth).

# %% [markdown]
# ## What agrees with the papers, and what does not
#
# **Agrees:** all six cells collapse, NC1 goes on falling in the terminal phase, and the classifier's norms are ahead of the means'.
#
# **Differs:** in two cells NC2 or NC3 rises a little in the terminal phase, and test accuracy hardly moves after zero error. The weight decay here is four to twenty times the papers', the larger networks are an eighth to a third as wide; 500 images a class instead of 5,000, for DenseNet at 14×14 pixels; CIFAR-10 from JPEG files, which lose a little of each image; one seed for each large cell.
#
# ## Where this stops being true
#
# - **Without batch norm, or with too little decay** for the epochs and the rate: section 5.
# - **More classes than dimensions allow** ($C > p + 1$): there is no simplex to go to.
# - **Unequal class sizes:** exercise 3.
# - **Test data** follow only part of the way.
#
# **Next:** notebook 03 does the same under squared error. **To read on:** Papyan, Han, Donoho 2020; Zhu et al. 2021 for random labels. **To cite:** the papers for the phenomenon, `CITATION.cff` for this software.
