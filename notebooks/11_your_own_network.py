# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] tags=["nc-badges"]
# # Your own network
#
# <!-- badges: written by tools/nb.py stamp -->
# *To run it: open it in JupyterLab, Notebook, VS Code or a hosted notebook service;
# the set-up cell finds the library.*
# <!-- /badges -->
#
# All notebooks before this one measured networks that were built for it. Yours was not. `nclib.measure` takes any `nn.Module` and any data, and says how far the features of each class have drawn together, in which layer, and for which class. This page uses it on images and on text, and then shows how to get wrong numbers out of it.

# %% [markdown]
# | | |
# | --- | --- |
# | **You will be able to** | *measure* a network of your own in three lines · *check* which layer was taken for its classifier · *follow* a question through the layers of a transformer · *compare* two reports · *recognise* five ways to get a wrong number |
# | **Needs** | notebook 00 or 02; PyTorch; no GPU |
# | **Time** | fifteen minutes to read, thirty-five with the exercises; the cells take under a minute on two CPU cores |
# | **Data** | digits, which come with scikit-learn; sentences made here from a grammar of 25 words |
# | **Paper** | Papyan, Han, Donoho 2020, [*Prevalence of neural collapse during the terminal phase of deep learning training*](https://arxiv.org/abs/2008.08186); for language models Wu, Papyan 2024, [*Linguistic collapse*](https://arxiv.org/abs/2405.17767) |

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
import copy

import pandas as pd
import torch

import nclib
from nclib import layer_samples, runtime
from nclib.lessons.claims import claim
from nclib.lessons.yours import checks, mistakes, models, pictures, texts
from nclib.quantities import COLLAPSED
from nclib.torchvision_guard import import_torchvision
from nclib.widgets.explore import explore

print(runtime.start())

# %% tags=["parameters"]
seed = 0  # of weights and order
epochs_images = runtime.choose(ci=6, laptop=8)  # of the ResNet
epochs_text = runtime.choose(ci=12, laptop=16)  # of the text classifier; half for its new heads
many = runtime.choose(ci=1200, laptop=2000)  # sentences to train on, and 400 for tests

# %% [markdown]
# ## 1. Three lines
#
# **Question.** Here is a ResNet of torchvision, cut down for tiny images and trained for a few seconds in a plain loop. Has it collapsed?
#
# **Predict.** It is right on all but a few training images. Of the five limits of the suite's yardstick (NC1 below 0.05, norms and angles within 0.1, NC3 below 0.1, NC4 below 1 %) **(a)** all hold by then, **(b)** some do, **(c)** none does. And on *test* images NC1 will be **(d)** the same, **(e)** larger.

# %%
digits = nclib.load_data("digits")
batches = mistakes.in_batches(digits.train, 64)[:-1]  # without the incomplete one
torch.manual_seed(seed)
resnet = models.small_resnet()
models.train(resnet, batches, epochs=epochs_images, optimizer=models.sgd(resnet, 0.1, 1e-2))

report = nclib.measure(resnet, digits, layers=True)
report

# %% [markdown]
# The first line tells what was measured; read it before any number. `digits` holds its test images; otherwise hand them over as `test=`. Data can be tensors, a `DataLoader`, or any iterable of batches: tuples, or dicts with `labels`. Then `report.to_frame()` is a tidy table, `report.per_class` one row for each class, `report.save("report.json")` a file.
#
# **What we saw.** (b) and (e). Test images lie around *their own* class means more loosely; NC4 on them uses the training means, since a rule must be fixed before it meets them.
#
# **What it does not show.** That the network is good or bad: notebook 02 lets one collapse on random labels.

# %% tags=["self-check"]
train, test = (report.numbers[split] for split in ("train", "test"))
held = [train[name] < limit for name, limit in COLLAPSED.items()]
claim("training accuracy", train["accuracy"], above=0.99)
claim(f"{sum(held)} of five limits hold", 0 < sum(held) < 5)
claim("NC1, test / training", test["nc1"] / train["nc1"], above=1.3)
weighted = report.per_class.query("split == 'train'").eval("samples * nc1_c / samples.sum()")
claim("NC1 is the mean of nc1_c over samples", weighted.sum(), near=train["nc1"], below=1e-9)

# %% [markdown]
# ## 2. Which layer is the classifier?
#
# **Question.** NC1 is about what the *classifier* reads. How does `measure` know which layer that is?
#
# Not by its name. It watches every layer at work on one batch and takes the last one whose output **is** the logits, up to a factor; then it checks that with the layer's own weights: logits = features·Wᵀ + b. In the next network `score` gives the logits, and a layer called `classifier` is a helper on its first layers, as some networks have them for training.
#
# **Predict.** Whoever takes the layer called `classifier` finds an NC1 that is **(a)** the same but for a few percent, **(b)** several times too small, **(c)** several times too large.

# %%
torch.manual_seed(seed)
mlp = models.Misnamed()
models.train(mlp, batches, epochs=25, optimizer=models.sgd(mlp, 0.1, 5e-3))

found = nclib.measure(mlp, digits, layers=True)
by_name = nclib.measure(mlp, digits, classifier="classifier")
for one in (found, by_name):
    print(one.taken["classifier"], f"→ NC1 {one.numbers['train']['nc1']:.3g}")

# %% [markdown]
# **What we saw.** (c). The helper reads the middle of the network, where less has collapsed. The report does not hide it: where the formula should be *checked to* a rounding error, it holds *only to* a number that is none.
#
# And where there is no such layer, there is no number. SqueezeNet puts a ReLU *behind* its last convolution:

# %%
squeezenet = import_torchvision().models.squeezenet1_1(num_classes=10)
images = torch.nn.functional.interpolate(digits.test.images.expand(-1, 3, -1, -1), size=32)
try:
    nclib.measure(squeezenet, (images, digits.test.labels))
except ValueError as error:
    print(said := str(error))

# %% [markdown]
# Read it from the back: it ends with the ways out. Before them come the candidates, each with its *misfit*: how far its outputs are from the logits. If you know that one of them is what you mean, and only something like a sigmoid comes after it, name it (exercise 2).
#
# **What it does not show.** That a layer which was found is the one you mean. A model that returns several tensors is taken at its first one: read the line, and the accuracy below it.

# %% tags=["self-check"]
ratio = by_name.numbers["train"]["nc1"] / found.numbers["train"]["nc1"]
claim("NC1, by name / of the layer that decides", ratio, above=3)
claim("found, and checked", "`score`" in found.taken["classifier"])
claim("by name: only to", "only to" in by_name.taken["classifier"])
claim("SqueezeNet: no call gives the logits", "none of its calls" in said and "misfit" in said)

# %% [markdown]
# ## 3. Through the layers: who does what to whom?
#
# **Question.** In which layer do the classes come apart?
#
# Six animals, four verbs, active or passive. A small transformer reads a sentence and says **who acts**: the mean over its words goes into a linear layer.

# %%
sentences = texts.write(many + 400, seed)
learn, unseen = sentences.first(many), sentences.after(many)
print(texts.who_acts(learn, 4))

# %% [markdown]
# Batches are dicts of `input_ids`, `attention_mask` and `labels`, as tokenizers make them; padding is left out of every mean.
#
# **Predict.** What the *first* block reads is the mean of a sentence's words, without their order. The nearest class mean then names the right animal for **(a)** a sixth of the sentences, **(b)** about half, **(c)** all. And the network is never asked for the **verb**: from layer to layer the verbs **(d)** come apart as well, **(e)** fall together.

# %%
torch.manual_seed(seed)
fresh = models.Reader(num_classes=6)
reader, actors = copy.deepcopy(fresh), learn.asked(learn.acting)
models.train(reader, actors, epochs=epochs_text, optimizer=models.adam(reader, 5e-3))
test, names = unseen.asked(unseen.acting), dict(class_names=texts.ANIMALS)
of_reader = nclib.measure(reader, actors, test=test, layers=True, **names)

# %%
units = list(dict.fromkeys(row["layer"] for row in of_reader.layers))
seen = layer_samples.features_by_layer(reader, actors, units)
questions = {"who acts?": pictures.Answers(learn.acting, texts.ANIMALS)}
questions["which verb?"] = pictures.Answers(learn.doing, list(texts.VERBS))
explore(pictures.layer_slider(seen, questions), layer=units, question=list(questions))

# %% [markdown]
# Move the layer to the end, then change the question. Left, the same features, only coloured otherwise, in the two directions in which the means of those classes differ most.
#
# **What we saw.** (b) and (e). The words alone name the two animals of a sentence, and not which of them acts: half right. The blocks find out from the order, and the sentences gather by who acts. What was not asked drowns in the scatter: for verbs NC1 *rises* from layer to layer.
#
# **What it does not show.** That the verbs are lost: NC1 compares scatter with class means. Section 4 asks what a new head can still read.

# %% tags=["self-check"]
rows = pd.DataFrame(of_reader.layers).query("split == 'train'").set_index("layer")
claim("nearest mean right in the first layer", rows.ncc_accuracy.iloc[0], near=0.5, below=0.1)
claim("test accuracy", of_reader.numbers["test"]["accuracy"], above=0.97)
claim("NC1, who acts: layer / layer before", rows.nc1.pct_change()[1:] + 1, below=0.8)
claim("NC1, labels shuffled, at each layer", rows.shuffled / rows.nc1, above=10)
verbs = pd.Series({unit: layer_samples.nc1_of(seen[unit], learn.doing) for unit in units})
claim("NC1, which verb: layer / layer before", verbs.pct_change()[1:] + 1, above=1.1)
# %% [markdown]
# ## 4. Before and after fine-tuning
#
# **Question.** The usual way to reuse a network: keep it, and train a new head. Here: which verb?
#
# **Predict.** With four verbs, a new head on the frozen reader is right **(a)** nearly always, **(b)** for about half or less; and on a network that was **never trained** **(c)** less often than that, **(d)** more often.


# %%
def new_head(start):
    """A copy of a reader with a new head for the verbs; nothing else of it is trained."""
    model, half = copy.deepcopy(start).requires_grad_(False), epochs_text // 2
    torch.manual_seed(seed)
    model.answer = torch.nn.Linear(32, len(texts.VERBS))
    optimizer = models.adam(model.answer, 2e-2)
    return models.train(model, learn.asked(learn.doing), epochs=half, optimizer=optimizer)


data = dict(data=learn.asked(learn.doing), test=unseen.asked(unseen.doing))
data |= dict(layers=True, class_names=list(texts.VERBS))
frozen, untrained = new_head(reader), new_head(fresh)
before, control = nclib.measure(frozen, **data), nclib.measure(untrained, **data)

# %%
tuned = copy.deepcopy(frozen).requires_grad_()
models.train(tuned, data["data"], epochs=epochs_text // 2, optimizer=models.adam(tuned, 5e-3))
after = nclib.measure(tuned, **data)
before.compare(after, names=("new head", "fine-tuned"))

# %% [markdown]
# **What we saw.** (b) and (d). Trained for one question until it collapsed, the reader is a *worse* start for another one than random weights are. Training all layers mends it: now the verbs collapse, most in the last layers, least in what the first block reads.
#
# **What it does not show.** That pretraining harms: this one asked a single question of a small grammar.

# %% tags=["self-check"]
of = {"frozen": before, "untrained": control, "tuned": after}
right = {name: one.numbers["test"]["accuracy"] for name, one in of.items()}
claim("new head on the reader, test accuracy", right["frozen"], below=0.55)
claim("new head on random weights", right["untrained"] - right["frozen"], above=0.2)
claim("fine-tuned", right["tuned"], above=0.97)
ratio = before.compare(after).to_frame().query("quantity == 'nc1' and split == 'train'").ratio
claim("NC1, fine-tuned / new head, first layer", ratio.iloc[1], above=0.5)
claim("the same, later layers", ratio.iloc[2:], below=0.2)

# %% [markdown]
# ## 5. A language model
#
# **Question.** A model that writes has as many classes as words, more than dimensions: 25 in 16. What can collapse mean there?
#
# A simplex of 25 corners has no room (NC2 cannot reach zero), and the next word is seldom determined. As a control, the same words recited in a fixed round, each followed by always the same one.
#
# **Predict.** The features collapse **(a)** in both, **(b)** in neither, **(c)** only where the next word is determined.


# %%
def write_and_measure(sentences):
    """Train a small causal model on the next word, and measure: each word is a sample."""
    words = sentences.input_ids.where(sentences.attention_mask > 0, -100)
    torch.manual_seed(seed)
    model, batches = models.Writer(width=16), sentences.asked(words)
    models.train(model, batches, epochs=24, optimizer=models.adam(model, 2e-2, 0.1))
    return nclib.measure(model, batches, class_names=texts.WORDS)


written = {"sentences": write_and_measure(learn.first(400))}
written["recited"] = write_and_measure(texts.recited(400))
table = pictures.many_classes(written)
table.style.format("{:.3g}")

# %% [markdown]
# The generalised quantities of Wu & Papyan: **CDNV**, scatter of two classes over the squared distance of their means, averaged over pairs; mean and variance of −log distance of the normed means (all equal: variance 0); **uniformity**, lower where directions fill the sphere more evenly.
#
# **What we saw.** (c), as far as 16 dimensions allow: recited, every word is right, classes are tight and their directions spread evenly. In the sentences, words that can stand in each other's place cannot be told apart beforehand, and their means nearly coincide:

# %%
pd.DataFrame(written["sentences"].pairs).head(4).round(1)

# %% [markdown]
# **Which number?** NC1 of the sentences is more than a hundred times the control's, the quotient tr Σ_W / tr Σ_B of the same order: NC1 measures the scatter in each direction by the means' distance *there*, so means that nearly coincide make it huge. With many classes look at CDNV, and at pairs.
#
# **What it does not show.** Natural text, or large models.

# %% tags=["self-check"]
sentence, recited = table["sentences"], table["recited"]
claim("recited: accuracy", recited.accuracy, above=0.99)
claim("NC1, sentences / recited", sentence.nc1 / recited.nc1, above=100)
claim("quotient", sentence.quotient / recited.quotient, above=0.3, below=5)
claim("CDNV, sentences / recited", sentence.cdnv / recited.cdnv, above=100)
rise = ["log_distance_variance", "uniformity"]
claim("recited: more evenly spread", sentence[rise] - recited[rise], above=0.5)
nearest = written["sentences"].pairs[:4]
together = [texts.same_place(pair["a"], pair["b"]) for pair in nearest]
claim("least separated pairs can stand in one place", together)
claim("CDNV of these pairs", [p["cdnv"] for p in nearest], above=10)

# %% [markdown]
# ## 6. When not to trust a number
#
# **Question.** What can be wrong with an NC1 that is computed without a mistake?
#
# The MLP of section 2 once more; each row below does one thing wrong.
#
# **Predict.** Which is worst? **(a)** the network left in training mode, **(b)** noise as augmentation, **(c)** an unbalanced test set, **(d)** samples that a distributed sampler repeats.


# %%
shuffled, in_order = (mistakes.in_batches(digits.train, 32, seed=one) for one in (seed, None))
on_train = {
    "training mode, batches of 32": mistakes.left_training(mlp, "score", shuffled),
    "training mode, sorted by class": mistakes.left_training(mlp, "score", in_order),
    "noise added by the loader": nclib.measure(mlp, mistakes.augmented(shuffled)),
}
loosest = found.per_class.query("split == 'test'")["class"].head(2)
unequal, padded = mistakes.thinned(digits.test, loosest, 4), mistakes.padded(digits.test, 64)
on_test = {"test set, few of two classes": nclib.measure(mlp, unequal)}
on_test |= {"test set, padded for 64 ranks": nclib.measure(mlp, padded)}

# %%
pairs = ((on_train, "train"), (on_test, "test"))
off = pd.concat([pictures.factors(found, *pair) for pair in pairs])
pictures.mistakes(off)

# %% [markdown]
# **What we saw.** (a), by far. In training mode batch norm measures each image by its *batch*: NC1 is more than twice too large with shuffled images, and nonsense where a batch holds one class, for then the class mean itself is subtracted. (`measure` switches every module to evaluation mode, and back; there the order makes no difference.) Noise of a loader is measured along with the network, which never met any in training. With few images of the two loosest classes a test set looks tighter than it is: NC1 counts samples. Repeated samples do least; in a `torchrun` job `measure` takes each sample once.
#
# But for the sorted images NC2 and NC3 hardly move: they read means, and no scatter.
#
# **Few samples** are the quiet mistake. NC1 by layer, each the mean of ten random draws:

# %%
names = dict.fromkeys(row["layer"] for row in found.layers)
sizes = mistakes.by_samples(mlp, digits.train, names, [3, 10, 30, 100])
sizes.rename(columns=pictures.short).style.format("{:.3f}")

# %% [markdown]
# With three images a class all layers look tighter than with a hundred, the first most. Compare networks at equal numbers; below 30 a class the report warns.
#
# **What it does not show.** All mistakes: look at the first lines of a report, at the number of samples and at the notes.

# %% tags=["self-check"]
training, by_class, noise, unbalanced, repeated = off["NC1"]
claim("training mode: NC1, wrong / right", training, above=2)
claim("training mode, sorted by class", by_class, above=1000)
ordered = nclib.measure(mlp, in_order).numbers["train"]["nc1"] / found.numbers["train"]["nc1"]
claim("evaluation mode, sorted by class", ordered, near=1, below=1e-4)
claim("noise", noise, above=1.5)
claim("few of the two loosest classes", unbalanced, above=0.5, below=0.85)
claim("padded: the least off", (off["NC1"] - 1).abs().idxmin() == off.index[-1])
others = off.drop(index=off.index[1]).drop(columns="NC1")
claim("NC2 and NC3, all but the sorted", others.to_numpy(), near=1, below=0.3)
least = sizes.iloc[0] / sizes.iloc[-1]
claim("NC1 of 3 images a class / of 100", least, below=0.9)
claim("in the first layer, less the last", least.iloc[0] - least.iloc[-1], below=-0.1)
claim("the report warns", "below 30" in nclib.measure(mlp, mistakes.few(digits.train, 3)).notes[0])

# %% [markdown] tags=["exercise"]
# ## Exercises
#
# ### Exercise 1: NC1 from its classes (●○○, one line)
#
# A colleague sends `report.per_class`, but not the report: a table with the columns `samples` and `nc1_c`. What is NC1? Expected for 90 samples of 0.02 and 10 of 0.2: 0.038.


# %% tags=["exercise"]
def nc1_from_classes(table):
    """NC1 from a DataFrame with a row for each class: its samples and its nc1_c."""
    ...
    raise NotImplementedError("return one number")


# %% tags=["check"]
checks.check_from_classes(nc1_from_classes)


# %% tags=["solution"]
def nc1_from_classes(table):
    """NC1 from a DataFrame with a row for each class: its samples and its nc1_c."""
    ### BEGIN SOLUTION
    return (table.samples * table.nc1_c).sum() / table.samples.sum()
    ### END SOLUTION


checks.check_from_classes(nc1_from_classes)


# %% [markdown] tags=["exercise"]
# ### Exercise 2: a network without logits (●●○, one line)
#
# `models.Squashed(3)` ends in a sigmoid: try `nclib.measure` on it, and read the error. Get the report all the same.


# %% tags=["exercise"]
def report_of(model, data):
    """The report of a models.Squashed: of what its last linear layer reads."""
    ...
    raise NotImplementedError("return the report")


# %% tags=["check"]
checks.check_squashed(report_of)


# %% tags=["solution"]
def report_of(model, data):
    """The report of a models.Squashed: of what its last linear layer reads."""
    ### BEGIN SOLUTION
    return nclib.measure(model, data, classifier="second")
    ### END SOLUTION


checks.check_squashed(report_of)


# %% [markdown] tags=["exercise"]
# ### Exercise 3: how to cheat (●●●, open, five lines)
#
# Choose samples, and touch nothing else, so that NC1 falls to a **third**: at least five of each class, none twice. What would a reader of your report have to look at?


# %% tags=["exercise"]
def chosen(features, labels):
    """Row numbers (M,) of the samples to keep, of features (N, p) and labels (N,)."""
    ...
    raise NotImplementedError("return row numbers")


# %% tags=["check"]
checks.check_chosen(chosen)


# %% tags=["solution"]
def chosen(features, labels):
    """Row numbers (M,) of the samples to keep, of features (N, p) and labels (N,)."""
    ### BEGIN SOLUTION
    means = nclib.ClassStatistics.from_features(features, labels).class_means
    away = (features - means[labels]).norm(dim=1)
    rows = [(labels == c).nonzero().flatten() for c in labels.unique()]
    return torch.cat([row[away[row].argsort()[:5]] for row in rows])
    ### END SOLUTION


checks.check_chosen(chosen)

# %% [markdown] tags=["instructor"]
# **For the teacher.** Ninety minutes: sections 1 and 2 (25), section 3 with the slider (20), section 4 (15), a vote before section 6 and its picture (15), exercises 2 and 3 (15). Section 5 is for those who work on language. On the board: sentence, words, mean, and what a mean forgets.
#
# The usual misconceptions: *the layer called classifier is the classifier* (section 2); *a collapsed network is a good start for anything* (section 4); *the same number from the same network* (section 6).

# %% [markdown]
# ## Where this stops being true
#
# - **Networks that end otherwise:** distances to prototypes, several labels at once, regression. There is no linear classifier to compare with, and `measure` says so. `nclib.ClassStatistics` takes any features.
# - **Layers** are means over positions and tokens unless you ask for `positions="flatten"` or `tokens=`; another choice is another number.
# - **Small models and tables:** each network here is one run of a tiny model.
# - **Collapse is no quality.** Notebook 02 has the control, random labels.
#
# **To cite:** the paper above for NC1–NC4, Wu, Papyan 2024 for language models, `CITATION.cff` for this software.
