# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] tags=["nc-badges"]
# # Why a simplex?
#
# <!-- badges: written by tools/nb.py stamp -->
# *To run it: open it in JupyterLab, Notebook, VS Code or a hosted notebook service;
# the set-up cell finds the library.*
# <!-- /badges -->
#
# Collapsed class means stand at the corners of a simplex. Why? Points that push each other find it, small noise confuses it least, and where it has no room, other figures take its place.

# %% [markdown]
# | | |
# | --- | --- |
# | **You will be able to** | *find* the simplex by repulsion · *recognise* what is most separated in too few dimensions · *prove* that nothing beats the simplex, and nothing equals it · *read* which of nine numbers notices what · *construct* class means near the impossible |
# | **Needs** | vectors, angles, the normal distribution; no GPU; notebook 00 helps |
# | **Time** | twenty minutes to read, forty-five with the exercises; the cells take under a minute on two CPU cores |
# | **Data** | none |
# | **Paper** | Papyan, Han, Donoho 2020, [*Prevalence of neural collapse during the terminal phase of deep learning training*](https://arxiv.org/abs/2008.08186), Definition 1 and Theorem 5; for section 2 Jiang et al. 2024, [*Generalized neural collapse for a large number of classes*](https://arxiv.org/abs/2310.05351) |

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

import torch

from nclib import host, packings, runtime, simplex_etf
from nclib.formulas.collapse import pair_cosines
from nclib.lessons.claims import claim
from nclib.lessons.simplex import bound, checks, checks_shapes, noisy, responses, shapes, twist
from nclib.runs.points import point_run
from nclib.widgets.explore import explore
from nclib.widgets.replay import replay

print(runtime.start())

# %% tags=["parameters"]
seed = 0  # of the random frame, and of the noise
samples = runtime.choose(ci=100_000, laptop=200_000)  # in section 3, for each error rate
frames = 2000  # random ones in section 4

# %% [markdown]
# ## 1. Points that push each other apart
#
# **Question.** Give each of $C$ classes a direction $u_c$, a point on the unit sphere, and let all push each other away. Where do they come to rest?
#
# First idea: make the sum of all cosines small. It is the length of one vector: $\lVert \sum_c u_c \rVert^2 = C + 2 \sum_{c<c'} \langle u_c, u_{c'} \rangle$. The points roll down this *quadratic repulsion*.
#
# **Predict.** Four points in space end **(a)** as a tetrahedron, wherever they began; **(b)** in another figure from each start; **(c)** nowhere, never at rest.

# %%
replay(
    lambda points, draw: point_run(points, 3, "quadratic", seed=draw),
    points=[3, 4], draw=[0, 1, 2, 3], start={"points": 4},
)  # fmt: skip

# %% [markdown]
# Play it, turn it, and draw other starts. Rings mark the nearest tetrahedron.
#
# **What we saw.** (b), although each figure looks right at a glance. The points rest as soon as their *mean* is zero, which four can do in many ways. Three that sum to zero are a simplex.
#
# So let near pairs count for more than far ones: roll down
#
# $$\frac1\beta \log \sum_{c<c'} e^{\beta \langle u_c, u_{c'} \rangle}$$
#
# with $\beta = 1$. (Quadratic repulsion is $\beta \to 0$; for $\beta \to \infty$ only the nearest pair is left.)
#
# **Predict.** Now $C$ points find the simplex **(a)** only if there are few of them; **(b)** from every start tried, if there are $C-1$ dimensions; **(c)** in any number of dimensions.

# %%
replay(
    lambda points, dimensions: point_run(points, dimensions),
    points=[2, 3, 4, 5, 6, 8, 10, 20], dimensions=[2, 3, 4, 5, 9, 19],
    start={"points": 4, "dimensions": 3},
)  # fmt: skip

# %% [markdown]
# Two, three and four points are drawn exactly where they come to rest. Five need four dimensions for a simplex, and what you see of it is a shadow. Nothing is hidden in the **Gram matrix** of all cosines, here of as many dimensions as the simplex needs:

# %%
explore(
    shapes.gram_matrices(), points=[3, 4, 5, 6, 8, 10, 15, 20],
    step=shapes.STEPS, start={"points": 10, "step": 300},
)  # fmt: skip

# %% [markdown]
# **What we saw.** (b). Quadratic repulsion leaves a patchwork of four points and more; at $\beta = 1$ every pair has the same cosine, $-\frac{1}{C-1}$. That is a **simplex equiangular tight frame** (Papyan et al. 2020, Definition 1).
#
# **What it does not show.** That networks push like this: their loss does something similar, and notebook 06 finds its minimum. Nor that nothing could be further apart: section 3 proves it.

# %% tags=["self-check"]
sizes = [(c, p) for c in range(3, 21) for p in (c - 1, c, 2 * c)]
off = [packings.gram_error(packings.repel(c, p, starts=2)).max() for c, p in sizes]
claim("β = 1, C = 3 to 20, p = C-1, C, 2C: off the simplex", off, below=1e-9)
four = packings.quadratic_repulsion(4, 3, starts=50)
claim("quadratic, four points, 50 starts: off balance", packings.imbalance(four), below=1e-12)
claim("and off the simplex", packings.gram_error(four), above=1e-3)
spectra = (four @ four.mT).flatten(1).sort(1).values
claim("each another figure", (spectra - spectra.roll(1, 0)).abs().amax(1), above=1e-3)
three = packings.quadratic_repulsion(3, 3, starts=50)
claim("quadratic, three points: off the simplex", packings.gram_error(three), below=1e-9)
claim("β = 1, one dimension too few", packings.gram_error(packings.repel(4, 2)), above=0.1)

# %% [markdown]
# ## 2. More classes than dimensions allow
#
# **Question.** A simplex of $C$ points needs $C-1$ dimensions. A language model has tens of thousands of classes, and fewer dimensions. What is most separated then?
#
# We want the *largest* cosine small. So raise $\beta$ slowly from 1 (for five points in space from 10) to 1000: first all pairs count, in the end the nearest. Of 16 starts the best is kept; struts join the pairs nearest then.
#
# **Predict.** Eight points in space come to **(a)** the corners of a cube; **(b)** something less regular. And five points: **(c)** one best figure; **(d)** many.

# %%
zoo, first = [*shapes.ZOO], {"shape": "icosahedron"}
replay(shapes.of_zoo, shape=zoo, draw=[0, 1, 2], start=first, at_end=True)

# %% [markdown]
# Turn them. Six points are an octahedron, twelve an icosahedron, exactly. Seven: one at a pole, three and three around. Five: two poles, and three points on the equator that may slide as long as none comes nearer than a right angle to another; draw again, and they stand elsewhere.
#
# And **eight points are no cube**: one square is turned against the other. Do it by hand, beginning with the cube; thick edges are the nearest pairs.

# %%
explore(
    twist.twisted_cube(), turn=[0, 9, 18, 27, 36, 45],
    height=[0.46, 0.49, 0.5111, 0.54, 3**-0.5, 0.62], start={"height": 3**-0.5},
)  # fmt: skip

# %% [markdown]
# **What we saw.** (b) and (d). Turning alone gains nothing: within a square, points are as near as before. But it makes room between the squares, and now both can move towards the equator. At 45° they form a square *antiprism* with largest cosine 0.2612; the cube has 0.3333.
#
# What do fewer dimensions cost? A class may stray by half the least distance before it meets another: the **margin**. For the simplex it is $\sqrt{\frac{C}{2(C-1)}}$.
#
# **Predict.** Ten classes in nine dimensions have margin 0.745. In *five* dimensions the best is lower by **(a)** nearly half; **(b)** a quarter; **(c)** a twentieth.

# %%
tables = {c: shapes.margins_by_dimension(c, range(2, 14)) for c in (4, 6, 8, 10, 12)}
panel = shapes.margin_by_dimension()
explore(
    lambda classes: panel(classes, tables[classes]), classes=list(tables), start={"classes": 10}
)

# %% [markdown]
# **What we saw.** (c). For ten classes the first dimension below $C-1$ costs 5 %, and then down to five nothing more: $p$ dimensions have room for $2p$ directions $\pm e_i$, the **orthoplex**, no two closer than a right angle, and once the simplex has no room nothing does better (Rankin 1955). Below, one pays for each dimension. Ten random directions, the control, are much closer in every dimension.
#
# **What it does not show.** That a network finds it. And hollow dots are only the best *found* here; of the others it is proved that nothing is better.

# %% tags=["self-check"]
exact = {(6, 2): 1 / 2, (6, 3): 0, (12, 3): 5**-0.5, (8, 4): 0, (10, 5): 0}
for (c, p), cosine in exact.items():
    found = packings.largest_cosine(packings.pack(c, p))
    claim(f"{c} points in {p} dimensions, 16 starts", found, near=cosine, below=1e-9)
eight = packings.largest_cosine(packings.pack(8, 3))
claim("eight points: the antiprism", eight, near=0.2612, below=3e-4)
claim("the cube", packings.largest_cosine(twist.twisted(0, 3**-0.5)), near=1 / 3, below=1e-9)
five = [shapes.of_zoo("five points in space", draw).points[-1] for draw in (0, 1, 2)]
claim("five: largest cosine", [packings.largest_cosine(one) for one in five], below=1e-3)
spectra = torch.stack([(one @ one.T).flatten().sort().values for one in five])
claim("five: not one figure", (spectra - spectra.roll(1, 0)).abs().amax(1), above=0.02)

# %% tags=["self-check"]
ten = tables[10]
claim("ten classes: margin of the simplex", ten.best[9], near=0.7454, below=5e-5)
claim("of the orthoplex, p = 5 to 8", ten.best.loc[5:8], near=0.7071, below=5e-5)
claim("found by repulsion", (ten.found / ten.best)[[5, 6, 7, 8, 9]], near=1, below=1e-3)
lost = 1 - ten.best / ten.best[9]
claim("lost in five dimensions", lost[5], near=0.05, below=2e-3)
claim("and each dimension below costs more", lost.loc[2:5].diff().iloc[1:], below=-0.08)
claim("the luckiest of 400 random frames ÷ best", ten.luckiest / ten.best, below=0.8)

# %% [markdown]
# ## 3. Why so far apart?
#
# **Question.** What is separation good for? Let a feature be its class mean and round noise, $h = \mu_y + \sigma z$, $z \sim \mathcal N(0, I)$, and decide for the **nearest class mean**. How often is that wrong?
#
# Length would buy anything, so it is held equal: all means have norm 1, seen from the origin, in as many dimensions as classes. Three frames: random directions; an **orthogonal** frame; the simplex.
#
# **Predict.** For ten classes and $\sigma = 0.2$ the orthogonal frame errs **(a)** as often as the simplex, **(b)** twice as often, **(c)** ten times. And for *three* classes?

# %%
found = {c: noisy.measured(c, samples=samples, seed=seed) for c in (3, 10)}
explore(
    noisy.noise_and_frames(found), classes=[3, 10], noise=noisy.SIGMAS,
    frame=noisy.FRAMES, start={"classes": 10, "noise": 0.33, "frame": "orthogonal"},
)  # fmt: skip

# %% [markdown]
# Left, samples of the two nearest classes; right, errors with 95 % intervals. Against $1/\sigma^2$ their logarithm is nearly straight, and its slope sorts the frames.
#
# **What we saw.** (b); with three classes it is 27 times. A sample is lost when noise carries it over half the distance to another mean, in *one* direction. Let $\delta$ be half the **smallest** distance and $Q$ the tail of the normal distribution. A sample of the two nearest classes is lost with chance $Q(\delta/\sigma)$ at least; one of any class is nearer to a given other mean with chance $Q(\delta/\sigma)$ at most:
#
# $$\tfrac2C\, Q(\delta/\sigma) \;\leq\; \text{error} \;\leq\; (C-1)\, Q(\delta/\sigma).$$
#
# Since $Q(x)$ falls like $e^{-x^2/2}$, $-\sigma^2 \ln(\text{error}) \to \delta^2/2$ as $\sigma \to 0$. In this **error exponent** nothing but the smallest distance is left.
#
# **Nothing beats the simplex, and nothing equals it** (Theorem 5), for norms of at most 1:
#
# 1. Over ordered pairs $\sum \lVert \mu_c - \mu_{c'} \rVert^2 = 2C \sum_c \lVert \mu_c \rVert^2 - 2\, \lVert \sum_c \mu_c \rVert^2$, at most $2C^2$.
# 2. These are $C(C-1)$ pairs, each at least $(2\delta)^2$, so $(2\delta)^2 \leq 2C/(C-1)$.
# 3. Hence no exponent $\delta^2/2$ exceeds $C/(4(C-1))$.
# 4. If one reaches it, all distances are equal, and all norms are 1.
# 5. Then $\langle \mu_c, \mu_{c'} \rangle = 1 - (2\delta)^2/2 = -1/(C-1)$: the simplex's Gram matrix, which fixes vectors up to a turn.
#
# The orthogonal frame reaches $1/4$. Seen from its centre it *is* a simplex, of norm $\sqrt{1 - 1/C}$: the centre itself separates nothing.
#
# **What it does not show.** That the simplex is best under *much* noise: for norms of 1 that is the *weak simplex conjecture* (proof in a preprint, Pastore 2023); with only their mean square fixed it is false (Steiner 1994). Nor that scatter in networks is round.

# %% tags=["self-check"]
theory = noisy.log_error  # of a frame, C and σ
for c, times in ((3, 27), (10, 2)):
    errors, means = found[c].errors, found[c].frames
    for name in ("random", "orthogonal"):
        gaps = [error.low - errors["simplex"][s].high for s, error in errors[name].items()]
        claim(f"{c} classes, every σ: {name} above the simplex, with intervals", gaps, above=0)
    more = math.exp(theory("orthogonal", c, 0.2) - theory("simplex", c, 0.2))
    claim(f"{c} classes, σ = 0.2: orthogonal ÷ simplex", more, near=times, below=0.1)
    for name, limit in (("orthogonal", 1 / 4), ("simplex", c / (4 * (c - 1)))):
        claim(f"{name}: δ²/2", packings.margin(means[name]) ** 2 / 2, near=limit, below=1e-12)
        near_zero = -(0.02**2) * theory(name, c, 0.02)
        claim(f"{name}: -σ² ln(error) at σ = 0.02", near_zero, near=limit, below=2e-3)
margins = packings.margin(packings.random_points(10, 9, starts=frames))
claim("exponents of random frames of norm 1", margins.square() / 2, below=10 / 36)

# %% [markdown]
# ## 4. Which number notices what?
#
# **Question.** Nine numbers measure NC1–NC4. Does each watch one thing? Take collapsed means and classifier, with a little scatter, and spoil one thing at a time: the **spread** of the classes; **norms** and **angles** of the means; both of the classifier; its **turn**; its **bias**.
#
# **Predict.** One at a time, and turned a little: which moves a *second* number most, compared with its own: **(a)** the spread, **(b)** the norms of the means, **(c)** the norms of the classifier's rows, **(d)** the turn? And NC4, the decisions, moves with **(e)** each of them, **(f)** the bias alone?

# %%
explore(responses.response_bars(), **responses.sliders(live=not host.shows_html()))

# %% [markdown]
# Solid bars belong to what is turned, hatched ones do not. One knob at a time, for twenty classes:

# %%
table = responses.table(20)
table.rename(index=responses.words, columns=responses.SHORT).style.format(responses.said)

# %% [markdown]
# **What we saw.** (b) and (f). Spread, turn and bias move their own number alone. Without a bias NC4 stays 0, even with all others at the ends of their sliders. (A turn of 1.5 moves it, and so do norms of the classifier at 0.6 under the widest spread. And *together* they count: six classes with a bias of 0.4 have NC4 = 0, until the turn joins in.) NC3 answers to norms and angles in second order: half the deformation, a quarter of the answer.
#
# But norms of *means* move angles, too: with twenty classes a thirteenth as much, with six a third. A bad knob?
#
# **Theorem.** Vectors that sum to zero, none of them zero, cannot have unequal norms and equal angles. (Were all cosines $c$, then $(1-c)\, r_i = -c \sum_j r_j$, the same for all.) How near can they come? Let $r$ be the norms, $v$ their standard deviation over their mean, and $E$ the matrix of the deviations $\cos_{ij} + \frac{1}{C-1}$, zero on the diagonal. Then the root mean square of the deviations is
#
# $$\mathrm{rms} \;\geq\; \frac{C}{(C-1)^2} \cdot \frac{v}{\sqrt{1 + v^2}}.$$
#
# *Proof.* $\sum_j r_j u_j = 0$ gives $\sum_j \cos_{ij} r_j = 0$, that is $E\,r = -\frac{C}{C-1}(r - \bar r\, \mathbf 1)$. So $E$ stretches $r$ by $\frac{C}{C-1} \cdot \frac{v}{\sqrt{1+v^2}}$. Its trace is zero: the eigenvalue largest in size is balanced by $C-1$ others, so $\lVert E \rVert_F^2 \geq \frac{C}{C-1}\, \lambda^2$. And $\lVert E \rVert_F^2 = C(C-1)\,\mathrm{rms}^2$. $\square$
#
# For *small* deviations the standard deviation of the cosines is at least $k \cdot \mathrm{equinorm}$ (divisor $C-1$, as in the library), $k = \sqrt{\tfrac{2C}{C-2}} \big/ (C-1)$, and the knob reaches that: none could be better. (Beyond first order a little less is possible: exercise 4.) The classifier's rows need not sum to zero.
#
# So norms and angles of few means are two views of one thing: only from $C = 17$ on can small deformations move norms ten times as much as angles.


# %%
def sides(means):
    """Both sides of the theorem for any vectors, which are centred first."""
    means, count = means - means.mean(0), len(means)
    norms = means.norm(dim=1)
    off = pair_cosines(means @ means.T) + 1 / (count - 1)
    v = norms.std(correction=0) / norms.mean()
    least = count / (count - 1) ** 2 * v / (1 + v**2).sqrt()
    return torch.stack([off.square().mean().sqrt(), least])


# %% tags=["self-check"]
own = responses.separation(table)  # a knob's own number over the largest of the others
claim("20 classes: its own number ÷ the next", own, above=10)
claim("of spread, turn, bias", own[["spread", "turn_of_classifier", "bias"]], above=1e13)
both = [responses.Knobs(bias=0.4, turn_of_classifier=turn) for turn in (0, 0.6)]
alone, joined = (responses.responses(6, knobs)["ncc_mismatch"] for knobs in both)
claim("six classes, bias 0.4: NC4 is 0, but not with the turn", alone == 0 and joined > 0.1)
for c, wanted in ((20, 12.7), (17, 10.6), (16, 9.9), (10, 5.7), (6, 2.9)):
    times = responses.separation(responses.table(c, {"norms_of_means": 0.02}))
    claim(f"{c} classes: norms of means", times, near=wanted, below=0.1)
    claim("and 1/k", 1 / bound.first_order(c), near=wanted, below=0.1)
halves = [responses.table(20, {"norms_of_means": t}).self_duality.item() for t in (0.01, 0.02)]
claim("NC3 of norms, twice the amount ÷ once", halves[1] / halves[0], near=4, below=0.1)

# %% tags=["self-check"]
for c in (6, 10, 20):
    moves = responses.at_all_ends(c, "ncc_mismatch")
    claim(f"{c} classes, bias 0: NC4 stays at all {len(moves)} ends", max(moves) == 0)
    for far in (dict(turn_of_classifier=1.5), dict(spread=3, norms_of_classifier=0.6)):
        moved = responses.responses(c, responses.Knobs(**far))["ncc_mismatch"]
        claim(f"but moves at {far}", moved, above=0)
draw = torch.Generator().manual_seed(seed)
for c, p in itertools.product((3, 6, 10, 20), (1, 2, 10, 30)):
    drawn = torch.randn(frames // 16, c, p, generator=draw, dtype=torch.float64)
    both = torch.stack([sides(means) for means in drawn])
    claim(f"{c} random means in {p} dimensions: rms ÷ bound", both[:, 0] / both[:, 1], above=1)
ours = bound.tie(drawn[0] - drawn[0].mean(0))
claim("nclib's sides, off", (both[0] - torch.tensor(ours[1:], dtype=both.dtype)).abs(), below=1e-12)

# %% [markdown] tags=["exercise"]
# ## Exercises
#
# ### Exercise 1: half the dimensions (●○○, two lines)
#
# Which share of the simplex's margin is lost when $C$ classes (an even number, at least 4) have only $C/2$ dimensions? Expected for ten: 0.0513. For more classes, is it more?


# %% tags=["exercise"]
def lost_share(num_classes):
    """The share of the margin that C classes lose in C/2 instead of C-1 dimensions."""
    ...
    raise NotImplementedError("return one number")


# %% tags=["check"]
checks_shapes.check_lost(lost_share)


# %% tags=["solution"]
def lost_share(num_classes):
    """The share of the margin that C classes lose in C/2 instead of C-1 dimensions."""
    ### BEGIN SOLUTION
    # √½ over √(C/(2(C-1))) is √(1 - 1/C): about 1/(2C), less for more classes
    return 1 - math.sqrt(1 - 1 / num_classes)
    ### END SOLUTION


checks_shapes.check_lost(lost_share)


# %% [markdown] tags=["exercise"]
# ### Exercise 2: better than the cube (●●○, open, five lines)
#
# Eight points on the sphere whose largest cosine is below 0.3; the cube has 0.333. Any way is right; the sliders of section 2 show one.


# %% tags=["exercise"]
def eight_points():
    """Eight points (8, 3) of length 1, no two with a cosine of 0.3 or more."""
    ...
    raise NotImplementedError("return a tensor of shape (8, 3)")


# %% tags=["check"]
checks_shapes.check_eight(eight_points)


# %% tags=["solution"]
def eight_points():
    """Eight points (8, 3) of length 1, no two with a cosine of 0.3 or more."""
    ### BEGIN SOLUTION
    # within a square h², between two, turned by 45°, (1 - h²)/√2 - h²: equal for this h
    h = (1 + 2 * math.sqrt(2)) ** -0.5
    turns = torch.arange(8) * math.pi / 4  # by turns up and down
    flat = torch.stack([turns.cos(), turns.sin()], dim=1) * math.sqrt(1 - h**2)
    return torch.cat([flat, h * torch.tensor([1, -1] * 4)[:, None]], dim=1)
    ### END SOLUTION


checks_shapes.check_eight(eight_points)

# %% [markdown] tags=["exercise"]
# ### Exercise 3: one number for robustness (●○○, one line)
#
# The error exponent of the nearest class mean for *any* class means $(C, p)$. Expected for a simplex of four: 1/3.


# %% tags=["exercise"]
def exponent(means):
    """lim -σ² ln(error), σ → 0, of the nearest class mean, for means (C, p)."""
    ...
    raise NotImplementedError("return one number")


# %% tags=["check"]
checks.check_exponent(exponent)


# %% tags=["solution"]
def exponent(means):
    """lim -σ² ln(error), σ → 0, of the nearest class mean, for means (C, p)."""
    ### BEGIN SOLUTION
    return (torch.pdist(means).min() / 2) ** 2 / 2
    ### END SOLUTION


checks.check_exponent(exponent)


# %% [markdown] tags=["exercise"]
# ### Exercise 4: unequal norms, equal angles (●●●, open, three lines)
#
# The theorem forbids it. Build ten centred class means with equinorm between 0.08 and 0.12 and the standard deviation of their cosines below 0.96 of $k \cdot \mathrm{equinorm}$, less than first order allows. *Begin with a simplex.*


# %% tags=["exercise"]
def uneven_means():
    """Ten centred class means (10, p) of unequal norms and nearly equal angles."""
    ...
    raise NotImplementedError("return a tensor of shape (10, p)")


# %% tags=["check"]
checks.check_uneven(uneven_means)


# %% tags=["solution"]
def uneven_means():
    """Ten centred class means (10, p) of unequal norms and nearly equal angles."""
    ### BEGIN SOLUTION
    # one short mean is cheaper than one long, and than many a little
    means = simplex_etf(10)
    means[0] *= 0.67
    return means - means.mean(0)
    ### END SOLUTION


checks.check_uneven(uneven_means)

# %% [markdown] tags=["instructor"]
# **For the teacher.** Ninety minutes: section 1 with a vote and balloons tied at their knots (15); section 2 in pairs, one figure each (20); section 3 with a vote, the five lines on the board (20); section 4, one knob a group (20); exercise 4 as a contest (15).
#
# The usual misconceptions: *balanced is separated* (section 1); *eight points are a cube* (section 2); *nine numbers, nine properties* (section 4).

# %% [markdown]
# ## Where this stops being true
#
# - **Features after a ReLU** are never negative: only seen from their centre can they be a simplex.
# - **Noise that is not round, unequal classes, free lengths:** each changes what is best.
# - **Nothing here was trained:** for networks see notebook 00, for the reason notebook 06.
#
# **To read on:** Jiang et al. 2024. **Next:** notebook 02 measures. **To cite:** the papers for the results, `CITATION.cff` for this software.
