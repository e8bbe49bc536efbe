# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] tags=["nc-badges"]
# # The central path
#
# <!-- badges: written by tools/nb.py stamp -->
# *To run it: open it in JupyterLab, Notebook, VS Code or a hosted notebook service;
# the set-up cell finds the library.*
# <!-- /badges -->
#
# Keep the classifier at its best, always, and ask where the features go. Han, Papyan and Donoho call this the **central path**, and for one kind of gradient flow along it they found the answer in closed form: every signal-to-noise ratio grows without bound (NC1), and all of them become equal (NC2). On this page you derive that law, race it against a simulation that knows nothing of it, and find out what trained networks have to do with it, and what not.

# %% [markdown]
# | | |
# | --- | --- |
# | **You will be able to** | *compute* the signal-to-noise ratios of features and the least loss from them · *derive* the law of the flow, and its exponents ¼ and ½ · *tell* being on the central path from moving along it as the law says · *test* a recorded run without knowing its time scale |
# | **Needs** | notebook 04; singular values; a separable differential equation; no GPU |
# | **Time** | fifteen minutes to read, thirty with the exercises; the cells take half a minute on two CPU cores |
# | **Data** | synthetic; recorded runs on digits and MNIST inside the package: nothing is downloaded |
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
import numpy as np
import torch

import nclib
from nclib import ClassStatistics, runtime
from nclib.formulas import central_path
from nclib.lessons.claims import claim
from nclib.lessons.path import checks, clocks, pictures
from nclib.widgets.explore import explore

print(runtime.start())

# %% tags=["parameters"]
seed = 0  # of the synthetic features
C, n, p = 4, 6, 8  # classes, samples of each, features; n ≥ 3, so that Σ_W can be inverted
end = 400.0  # time of the simulations; beyond, plain gradient descent needs smaller steps
steps = [8.0, 4.0, 2.0, 1.0]  # step sizes to compare

# %% [markdown]
# ## 1. A loss of C - 1 numbers
#
# **Question.** Equally many samples of each class, no decay, and the classifier always the best one. On how many numbers does the loss depend?
#
# The best classifier swallows every invertible affine map of the features, so we may as well look at features **whitened** to $\Sigma_W = I$. Write their centred means as $\dot M = U \operatorname{diag}(\omega) V^\top$. Then $\Sigma_T = I + \dot M^\top \dot M/C$, and the best classifier $W = \dot M \Sigma_T^{-1}/C$ (exercise 1 of notebook 04) has the same singular vectors and the singular values $\omega_j/(C+\omega_j^2)$. The noise costs $\frac12 \lVert W \rVert^2$, and the means miss their targets by $1 - \omega_j^2/(C+\omega_j^2)$ along $u_j$:
#
# $$L = \tfrac12 \sum_{j=1}^{C-1} \Bigl[\frac{\omega_j^2}{(C+\omega_j^2)^2} + \frac{C}{(C+\omega_j^2)^2}\Bigr] = \tfrac12 \sum_{j=1}^{C-1} \frac{1}{C + \omega_j^2}$$
#
# The $\omega_j$, singular values of $\Sigma_W^{-1/2} \dot M^\top$, are **signal-to-noise ratios**: how far the means are apart, in units of the scatter. NC1 says that all $\omega_j \to \infty$; NC2, in whitened coordinates, that they become equal.


# %%
def whiten(features, labels):
    """(h - μ_G) Σ_W^{-1/2}: the same features with Σ_W = I."""
    stats = ClassStatistics.from_features(features, labels)
    values, vectors = torch.linalg.eigh(stats.within_covariance)
    return (features - stats.global_mean) @ (vectors / values.sqrt()) @ vectors.T


def snr(features, labels):
    """ω_j (C-1,) of features (N, p)."""
    white = ClassStatistics.from_features(whiten(features, labels), labels)
    return torch.linalg.svdvals(white.centred_means)[:-1]


# %%
labels = torch.arange(C).repeat_interleave(n)
normal = torch.randn(C + C * n, p, generator=torch.Generator().manual_seed(seed)).double()
features = 0.4 * normal[:C][labels] + normal[C:]
omega, size = snr(features, labels), {"num_classes": C, "per_class": n}
least = float((0.5 / (C + omega**2)).sum())
print("ω =", [round(one, 3) for one in omega.tolist()], f"L = {least:.6f}")

# %% tags=["self-check"]
stats = ClassStatistics.from_features(features, labels)
direct = nclib.decompose_mse(stats, *nclib.least_squares_classifier(stats))
claim("L directly over L from the ratios", direct.total / least, near=1, below=1e-12)
squares = (C + omega**2) ** 2
parts = direct.nc1 / (omega**2 / squares).sum(), direct.nc23 / (C / squares).sum()
claim("its parts, noise and means, over theirs", parts, near=0.5, below=1e-12)
claim("nclib's ratios over ours", nclib.snr_singular_values(stats) / omega, near=1, below=1e-10)
bent = snr(features @ torch.diag(torch.arange(1.0, p + 1)).double() + 5, labels)
claim("after an affine map, over before", bent / omega, near=1, below=1e-10)

# %% [markdown]
# ## 2. The law
#
# Let whitened features follow $-\nabla L$. On sample $i$ of class $c$ the gradient is $W^\top (W h_i + b - e_c)/N$. With $h_i = \mu_c + r_i$ it falls apart:
#
# - **What moves the means.** Moving $\mu_c$ moves $n$ samples, so the mean of their gradients is $\frac1n \partial L/\partial \mu_c$. $L$ sees only the singular values of $\dot M$: $U$ and $V$ stay, and $\dot\omega = -\frac1n \partial L/\partial\omega = \omega / n(C+\omega^2)^2$.
# - **What shrinks the noise.** The rest, $W^\top W r_i/N$, takes away the noise along $v_j$ at the rate of the squared singular value of $W$ over $N$, $\omega^2/nC(C+\omega^2)^2$.
#
# Whitening again changes neither $L$ nor $\omega$, but it *does* change where the gradient leads next. There are two ways to do it, and they give two laws:
#
# - **projected**, the paper's "continually renormalised" flow: follow only the part of the gradient that leaves $\Sigma_W = I$, which is the first one:
#   $$\frac{d\omega}{dt} = \frac{\omega}{n(C+\omega^2)^2} \quad\Rightarrow\quad n\Bigl[C^2 \ln\omega + C\omega^2 + \tfrac14\omega^4\Bigr] = a + t$$
# - **rescaled**: take the whole step and whiten afterwards. Shrinking noise then counts as growing signal, and the two relative rates add up, $\frac{1}{n(C+\omega^2)^2}\bigl(1 + \frac{\omega^2}{C}\bigr)$:
#   $$\frac{d\omega}{dt} = \frac{\omega}{nC(C+\omega^2)} \quad\Rightarrow\quad n\Bigl[C^2 \ln\omega + \tfrac12 C\omega^2\Bigr] = a + t$$
#
# The variables separate: every $\omega_j$ moves by itself. Call the left side $F(\omega)$, the **clock**: on the flow, $F(\omega_j(t)) - F(\omega_j(0)) = t$ for every $j$.

# %%
whitened = whiten(features, labels)
white = ClassStatistics.from_features(whitened, labels)
U, _, V = torch.linalg.svd(white.centred_means, full_matrices=False)
U, V, residuals = U[:, :-1], V[:-1].T, whitened - white.class_means[labels]
step = -central_path.feature_gradient(whitened, labels)
of_means = ClassStatistics.from_features(step, labels).class_means
speeds = {"projected": omega / (n * (C + omega**2) ** 2)}
speeds["rescaled"] = omega / (n * C * (C + omega**2))
shrinking = omega**2 / (n * C * (C + omega**2) ** 2)

# %% tags=["self-check"]
W = U @ torch.diag(omega / (C + omega**2)) @ V.T
off = (nclib.least_squares_classifier(white)[0] - W).abs()
claim("the best classifier, off its singular values", off, below=1e-12)
off = (of_means - U @ torch.diag(speeds["projected"]) @ V.T).abs()
claim("the step of the means, off the first part", off, below=1e-12)
off = (step - of_means[labels] + residuals @ V @ torch.diag(shrinking) @ V.T).abs()
claim("the step of the noise, off the second part", off, below=1e-12)
both = (speeds["projected"] / omega + shrinking) / (speeds["rescaled"] / omega)
claim("the two rates over that of the rescaled law", both, near=1, below=1e-12)
found = (snr(whitened + 1e-4 * step, labels) - omega) / 1e-4 / speeds["rescaled"]
claim("growth in a small step over the rescaled law's", found, near=1, below=1e-4)

# %% tags=["self-check"]
for kind, speed in speeds.items():
    x = omega.clone().requires_grad_()
    central_path.clock(x, kind=kind, **size).sum().backward()
    claim(f"{kind}: F'(ω) times the speed", x.grad * speed, near=1, below=1e-12)
    faster = (speed / omega).diff()  # the ratios descend
    claim(f"{kind}: relative speed, less that of the next larger", faster, above=0)

# %% [markdown]
# **Predict.** From different $\omega_1, \omega_2$, the points below move **(a)** straight up the slope of the loss, to the nearest dark corner; **(b)** along lines that all bend towards the diagonal; **(c)** towards the axis of the larger one, which wins. Move the time.

# %%
times = [0, 10, 30, 100, 300, 1000, 3000, 10000, 30000, 100000, 300000, 1000000]
explore(pictures.landscape(), time=times, kind=list(pictures.KINDS), start={"time": 1000})

# %% [markdown]
# **What we saw.** Answer (b). The smaller ratio grows faster, relative to itself, until it has caught up.

# %% [markdown]
# ## 3. Does it hold? A simulation that knows no law
#
# `central_path.simulate` has never heard of $\omega$. It has all $N$ features, finds the best classifier, takes a gradient step, whitens, and so on. Halving its step should halve the distance to the closed form, if the law is right; and the other law should stay wrong.

# %%
errors = clocks.step_errors(features, labels, end=end, steps=steps)
pictures.step_errors(errors, steps)

# %% tags=["self-check"]
for kind, by_law in errors.items():
    other = by_law["rescaled" if kind == "projected" else "projected"]
    order = np.log2(by_law[kind][-2] / by_law[kind][-1])
    claim(f"{kind}: order of the error", order, near=1, below=0.1)
    claim(f"{kind}: error of the other law", other, above=0.1)

# %% [markdown]
# ## 4. What the law says of collapse
#
# Far out one term of the clock outweighs the others, and $\omega$ is a power of time: $(4t/n)^{1/4}$ on the projected flow, $(2t/nC)^{1/2}$ on the rescaled one. The start is forgotten, and $\omega_{\max}/\omega_{\min} - 1$ falls like $1/t$ on both.
#
# **Predict.** More samples of each class make it **(a)** faster, **(b)** slower, **(c)** neither.

# %%
choices = {"num_classes": [3, 5, 10], "per_class": [10, 1000], "spread": [1.5, 4.0, 16.0]}
choices |= {"time": [1, 100, 10000, 1000000, 10000000, 100000000]}
start = {"num_classes": 5, "spread": 4.0, "time": 10000}
explore(pictures.spectrum(), **choices, start=start)

# %% [markdown]
# **What we saw.** Answer (b), and exactly in proportion: $n$ only sets the unit of time, because the loss is a mean over all samples and each has a small share in it. NC1 and NC2 are the two panels: to infinity, and together.
#
# **What it does not show.** That the *raw* class means become a simplex. Equal ratios make one of the *whitened* means; the flow does not care about the difference.

# %% tags=["self-check"]
late = torch.tensor([1e8, 1e9], dtype=torch.float64)
for kind, exponent in (("projected", 1 / 4), ("rescaled", 1 / 2)):
    ratios = central_path.flow(omega, late, kind=kind, **size)
    slope = (ratios[1] / ratios[0]).log10().mean()
    claim(f"{kind}: slope", slope, near=exponent, below=0.01)
    apart = ratios.max(1).values / ratios.min(1).values - 1
    claim(f"{kind}: NC2, lost in ten times the time", apart[0] / apart[1], near=10, below=0.1)
    slower = central_path.flow(omega, 10 * late, num_classes=C, per_class=10 * n, kind=kind)
    claim(f"{kind}: 10 n, 10 t over n, t", slower / ratios, near=1, below=1e-10)

# %% [markdown]
# ## 5. On the path is not along the path
#
# **Question.** Nobody whitens features while training. Plain gradient descent on the features, with the best classifier at every step, never leaves the central path: $L_{\mathrm{LS}}^{\perp} = 0$ throughout. Does it obey one of the laws?
#
# **A test without a clock on the wall.** We need no time scale: on a flow the increments of $F(\omega_j)$ are the same for all $j$. Divide them by their mean; on the flow all curves lie at 1.
#
# **Predict.** Plain descent follows **(a)** the projected law, **(b)** the rescaled law, **(c)** neither. And with weight decay on the features?


# %%
def descend(time, weight_decay, steps=400, records=40):
    """Plain gradient descent on whitened features; times and ratios."""
    (x, y), dt = (whitened, labels), time / steps
    times, ratios = [], []
    for step in range(steps + 1):
        if step % (steps // records) == 0:
            times.append(step * dt)
            ratios.append(snr(x, y))
        x = x - dt * (central_path.feature_gradient(x, y) + weight_decay * x)
    return np.array(times), torch.stack(ratios), x


# %%
wd = 2e-3
fast = np.log(1 + 2 * wd * end) / (2 * wd)  # see below
moved = {"plain": descend(end, 0.0), "plain with decay": descend(fast, wd)}
for kind in pictures.KINDS:
    options = dict(steps=400, step_size=end / 400, record_every=10, kind=kind)
    moved[kind] = central_path.simulate(features, labels, **options)
drawn = {
    name: pictures.shape_test(t, ratios, title=name, **size).finished()
    for name, (t, ratios, *_) in moved.items()
}
explore(lambda dynamics: drawn[dynamics], dynamics=list(drawn))

# %% [markdown]
# **What we saw.** Answer (c). At first plain descent is almost on the rescaled law, since whitened features are where it starts; then it drifts away. It shrinks the scatter in some directions more than in others, $\Sigma_W$ is no longer a multiple of the identity, and the derivation is void. **Renormalisation** is what keeps it round, and with it the law.
#
# **Weight decay** on the features does not repair that, and changes only the pace. $L$ does not feel the scale of the features, so its gradient at $sH$ is $1/s$ of that at $H$: as the features shrink like $e^{-\mathrm{wd}\, t}$, everything happens faster, at the time $\tau = (e^{2\,\mathrm{wd}\,t} - 1)/2\,\mathrm{wd}$ of the flow without decay. Same road, exponential clock.

# %% tags=["self-check"]
plain = moved["plain"][1]
for kind in pictures.KINDS:
    own = clocks.apart(moved[kind][1], kind=kind, **size)[-1]
    claim(f"{kind}: its own clocks apart at the end, factor", own, below=1.02)
    apart = clocks.apart(plain, kind=kind, **size)
    claim(f"plain descent, {kind} clocks apart at the end", apart[-1], above=2)
    limit = {"below": 1.05} if kind == "rescaled" else {"above": 1.5}
    claim(f"plain descent, {kind} clocks apart at first", apart[0], **limit)

# %% tags=["self-check"]
same = moved["plain with decay"][1][-1] / plain[-1]
claim("with decay, at the time that belongs to it, ω over ω without", same, near=1, below=0.02)
at_end = ClassStatistics.from_features(moved["plain"][2], labels)
uneven = torch.linalg.cond(at_end.within_covariance)
claim("condition of Σ_W after plain descent, from 1", uneven, above=10)

# %% [markdown]
# ## 6. Trained networks
#
# Now the networks of notebook 04. None of the assumptions is quite true: the features are those of a network, there is decay, momentum and mini-batches. Two things we can mend. A falling learning rate makes steps shorter, so time is the **sum of the rates** so far, not the epoch. And for most of the training they are not on the path: a red line marks from where on the third term is less than 5 % of the loss. The test of section 5 needs no time scale, and may begin there.
#
# **Predict.** Against that time, after the first ten epochs, $\omega$ grows **(a)** slower than $t^{1/4}$, **(b)** between $t^{1/4}$ and $t^{1/2}$, **(c)** faster than $t^{1/2}$. And near the path the clocks ...?

# %%
names = ["digits-mlp-mse-0", "digits-convnet-mse-0", "mnist-vgg11-mse", "mnist-resnet18-mse"]
names += ["mnist-densenet40-mse", "cifar10-vgg11-mse"]
recorded = {name: nclib.load_run(name) for name in names}
shown = {name: pictures.run_test(run).finished() for name, run in recorded.items()}
explore(lambda run: shown[run], run=names, start={"run": "mnist-resnet18-mse"})

# %%
measured = clocks.growth_table(recorded)
measured.T.style.format("{:.2f}")

# %% [markdown]
# **What we saw.** Both halves of collapse are there: in every run the ratios grow more than fivefold, and in all but one they come closer to one another, to a factor of 1.2 to 2.1 and not to 1 (in the DenseNet they came closer at first, and at the end some classes run ahead). But the law is not. After the first epochs $\omega$ grows like a power of $t$ between 1 and 3.5, answer (c), far from ¼ and from ½. And the clocks do not agree, over the whole run **nor near the path**: where the third term is below 5 %, the rescaled ones still differ by a factor of 1.5 or more, in the DenseNet by ten, and the projected ones by more. (The CIFAR-10 network never gets that near.) That the slope of the first ten epochs lies around ¼ and ½ proves nothing: the clocks differ by then already.
#
# Why faster? Section 5 has a suspect: decay turns time into an exponential. The noise of mini-batches, which a falling rate takes away, is another. Suspects only.
#
# **What not to conclude.** That the theorem is wrong: it is about another flow. And that it explains the speed of collapse in practice: it does not.

# %% tags=["self-check"]
early, later, *apart, epoch, near_p, near_r, first, last = (measured[c] for c in measured)
claim("slope in epochs 1 to 10", early, above=0.2, below=0.6)
claim("slope after epoch 10 (laws: 0.25, 0.5)", later, above=1, below=3.5)
cifar, dense = "cifar10-vgg11-mse", "mnist-densenet40-mse"
claim("never near the path: CIFAR-10 alone", epoch.isna() == (epoch.index == cifar))
for where, other, clock in (("", *apart), ("near the path, ", near_p.dropna(), near_r.dropna())):
    claim(f"{where}rescaled clocks apart, factor", clock, above=1.4 if not where else 1.5)
    claim(f"{where}projected ones over that", other / clock, above=1)
claim("near the path, rescaled clocks apart, DenseNet", near_r[dense], above=10)

# %% tags=["self-check"]
claim("ω max/min at the end over at the start, DenseNet", last[dense] / first[dense], above=1)
claim("ω max/min at the start, others", first.drop(dense), above=2.1)
claim("ω max/min at the end, others", last.drop(dense), above=1.2, below=2.1)
for name, run in recorded.items():
    epochs, ratios, of_run = clocks.of_run(run)
    claim(f"{name}: growth of each ω", ratios[-1] / ratios[0], above=5)
    tenth = clocks.apart(ratios[epochs <= 10], kind="rescaled", **of_run)[-1]
    claim(f"{name}: clocks apart at epoch 10", tenth, above=1.5)

# %% [markdown] tags=["exercise"]
# ## Exercises
#
# ### Exercise 1: the growth exponent (●○○, one line)
#
# Suppose that, far out, a flow slows down like $d\omega/dt = k\,\omega^{-q}$ with constants $k > 0$ and $q > -1$. Then $\omega$ grows like a power of $t$. Which? Expected: ¼ for $q = 3$ (projected), ½ for $q = 1$ (rescaled). (What is $q$ for a flow that grows like $\sqrt[3]{t}$?)


# %% tags=["exercise"]
def growth_exponent(q):
    """Slope of log ω against log t, far out, when dω/dt = k ω^-q."""
    ...
    raise NotImplementedError("return one number")


# %% tags=["check"]
checks.check_growth_exponent(growth_exponent)


# %% tags=["solution"]
def growth_exponent(q):
    """Slope of log ω against log t, far out, when dω/dt = k ω^-q."""
    ### BEGIN SOLUTION
    # ω^q dω = k dt, so ω^(q+1)/(q+1) = kt + a
    return 1 / (q + 1)
    ### END SOLUTION


checks.check_growth_exponent(growth_exponent)


# %% [markdown] tags=["exercise"]
# ### Exercise 2: break an assumption (●●○)
#
# The law divides by $\Sigma_W$. Build features of four classes, equally many samples each, in which the scatter has a hole: exactly **one** $\omega_j$ is infinite, the two others are finite and above 0. Which formulas of this page will fail on them, and which will not? *Three mean directions; let the samples scatter along two of them only.*


# %% tags=["exercise"]
def with_a_hole():
    """Features (N, p) and labels (N,) of four classes with exactly one infinite ratio."""
    ...
    raise NotImplementedError("return features, labels")


# %% tags=["check"]
checks.check_hole(with_a_hole)


# %% tags=["solution"]
def with_a_hole():
    """Features (N, p) and labels (N,) of four classes with exactly one infinite ratio."""
    ### BEGIN SOLUTION
    labels = torch.arange(4).repeat_interleave(10)
    noise = torch.randn(40, 3, generator=torch.Generator().manual_seed(0)).double()
    noise[:, 2] = 0  # nothing scatters along the third axis, along which the means differ
    return nclib.simplex_etf(4, 3)[labels] + noise, labels
    ### END SOLUTION


checks.check_hole(with_a_hole)

# %% [markdown]
# And now the formulas of this page. The loss does not mind an infinite ratio: that mode costs nothing. The law does, because it has no speed for it.

# %%
checks.what_fails(with_a_hole)

# %% [markdown] tags=["instructor"]
# **For the teacher.** Fifty minutes: section 1 as a recapitulation (5), the projected law on the board while the class watches the landscape (15), section 3 as the moment of truth (5), section 5 with a vote (15), section 6 in groups, each with one run (10). On the board: $\dot\omega/\omega$ against $\omega$, a falling curve with two dots on it; the smaller one gains, until both are the same. The votes' answers, questions for the class and the wrong answers that each check knows are in `TEACHING.md`.
#
# The usual misconceptions: *on the central path* means *moving as the law says* (section 5); *ω equal* means that the raw means are a simplex (only the whitened ones); *slope ½ in a log-log plot* is a proof (section 6).

# %% [markdown]
# ## What agrees with the paper, and what does not
#
# **Agrees:** the closed form, against a simulation of the renormalised flow, to first order in the step; ratios that grow without bound and become equal; in trained networks growing ratios that come closer.
#
# **Differs:** the paper's flow is the *projected* one; a simulation that steps and then whitens is another flow with another law, and so easily taken for the first. In our networks neither law holds in shape or in speed, and $\omega_{\max}/\omega_{\min}$ stops short of 1.
#
# ## Where this stops being true
#
# - **Unequal classes:** the least loss then depends on the singular *vectors*, too, and the ratios do not move one by one.
# - **Decay on the classifier**, $\lambda > 0$: the loss feels the scale of the features.
# - **A singular $\Sigma_W$** (fewer than $p$ samples beyond the class means): some $\omega_j$ are infinite from the start (exercise 2).
# - **Fewer features than $C - 1$:** some $\omega_j$ are 0, and stay so.
#
# **Next:** notebook 06 frees the features altogether. **To cite:** Han, Papyan, Donoho 2022, and `CITATION.cff` for this software.
