"""Small models with all kinds of classifiers, and some that have none."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

C, P = 4, 8
X = torch.randn(24, 6, generator=torch.Generator().manual_seed(0))
MAPS = torch.randn(6, 3, 5, 5, generator=torch.Generator().manual_seed(0))
TOKENS = torch.randn(7, 5, 6, generator=torch.Generator().manual_seed(0))


class Model(nn.Module):
    """A hidden layer, and whatever ``head(model, hidden)`` makes of it with the modules given."""

    def __init__(self, head, **modules):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, P), nn.ReLU())
        for name, module in modules.items():
            setattr(self, name, module)
        self.head_of = head

    def forward(self, x):
        return self.head_of(self, self.body(x))


class Maps(Model):
    def __init__(self, head, **modules):
        super().__init__(head, **modules)
        self.body = nn.Sequential(nn.Conv2d(3, P, 3), nn.ReLU())


class CosineLinear(nn.Linear):
    def forward(self, x):
        return 16 * F.linear(F.normalize(x), F.normalize(self.weight))


class Conv1D(nn.Module):
    """As in transformers: it stores Wᵀ."""

    def __init__(self, nf, nx):
        super().__init__()
        self.nf = nf
        self.weight, self.bias = nn.Parameter(torch.randn(nx, nf)), nn.Parameter(torch.randn(nf))

    def forward(self, x):
        return torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight).view(*x.shape[:-1], -1)


class LoRA(nn.Module):
    def __init__(self, p, c):
        super().__init__()
        self.base, self.A, self.B = nn.Linear(p, c), nn.Linear(p, 2), nn.Linear(2, c)

    def forward(self, x):
        return self.base(x) + self.B(self.A(x))


def matrix():
    return nn.Parameter(torch.randn(C, P))


def zeroed(layer):
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def warm(norm):
    """A batch norm that is not the identity."""
    norm.running_mean, norm.running_var = torch.randn(C), torch.rand(C) * 5 + 0.1
    return norm


def heads():
    """id → (model, inputs, name, kind, rows, scale)."""
    fc, conv = nn.Linear(P, C), nn.Conv2d(P, C, 1)
    plain = lambda m, h: m.fc(h)  # noqa: E731
    named = {"fc": (X, "fc", f"Linear {P} → {C}", "one", 1)}
    of = {"fc": fc}
    table = {
        "Linear": (Model(plain, **of), *named["fc"]),
        "no bias": (Model(plain, fc=nn.Linear(P, C, bias=False)), *named["fc"]),
        "one logit": (Model(plain, fc=nn.Linear(P, 1)), X, "fc", f"Linear {P} → 1", "one", 1),
        "one logit squeezed": (
            *(Model(lambda m, h: m.fc(h)[:, 0], fc=nn.Linear(P, 1)), X),
            *("fc", f"Linear {P} → 1", "one", 1),
        ),
        "temperature": (Model(lambda m, h: m.fc(h) / 2, **of), *named["fc"][:-1], 0.5),
        "minus": (Model(lambda m, h: -m.fc(h), **of), *named["fc"][:-1], -1),
        "log softmax": (Model(lambda m, h: m.fc(h).log_softmax(1), **of), *named["fc"]),
        "softmax": (Model(lambda m, h: m.fc(h).softmax(1), **of), *named["fc"]),
        "sure softmax": (
            *(Model(lambda m, h: (60 * m.fc(h)).softmax(1), **of), *named["fc"][:-1], 60),
        ),
        "dict": (Model(lambda m, h: {"features": h, "logits": m.fc(h)}, **of), *named["fc"]),
        "loss first": (Model(lambda m, h: (h.sum(), m.fc(h), h), **of), *named["fc"]),
        "three heads": (
            Model(lambda m, h: (m.fc(h), m.aux(h), m.dom(h)), **of, aux=nn.Linear(P, C), dom=fc),
            *named["fc"],
        ),
        "weight norm": (
            Model(plain, fc=nn.utils.parametrizations.weight_norm(nn.Linear(P, C))),
            *(X, "fc", f"ParametrizedLinear {P} → {C}", "one", 1),
        ),
        "zero head": (
            Model(lambda m, h: (m.fc(h), m.aux(h))[0], fc=zeroed(nn.Linear(P, C)), aux=fc),
            *named["fc"],
        ),
        "transformers Conv1D": (
            *(Model(plain, fc=Conv1D(C, P)), X, "fc", f"Conv1D {P} → {C}", "one", 1),
        ),
        "tokens": (Model(plain, **of), TOKENS, "fc", f"Linear {P} → {C}", "every", 1),
        "mean of tokens": (
            *(Model(lambda m, h: m.fc(h).mean(1), **of), TOKENS),
            *("fc", f"Linear {P} → {C}", "mean", 1),
        ),
        "one token": (
            *(Model(lambda m, h: m.fc(h)[range(7), [4, 1, 2, 0, 4, 3, 3]], **of), TOKENS),
            *("fc", f"Linear {P} → {C}", "gather", 1),
        ),
        "conv, pool": (
            *(Maps(lambda m, h: m.fc(h).mean((2, 3)), fc=conv), MAPS),
            *("fc", f"Conv2d {P} → {C}", "mean", 1),
        ),
        "pool, conv": (
            *(Maps(lambda m, h: m.fc(h.mean((2, 3), True)).flatten(1), fc=conv), MAPS),
            *("fc", f"Conv2d {P} → {C}", "one", 1),
        ),
        "dense": (Maps(plain, fc=conv), MAPS, "fc", f"Conv2d {P} → {C}", "every", 1),
        "LoRA": (Model(plain, fc=LoRA(P, C)), X, "fc", f"LoRA {P} → {C}", "one", 1),
        "Linear and batch norm": (
            Model(plain, fc=nn.Sequential(nn.Linear(P, C), warm(nn.BatchNorm1d(C)))),
            *(X, "fc", f"Sequential {P} → {C}", "one", 1),
        ),
        "the model itself": (nn.Linear(6, C), X, "", f"Linear 6 → {C}", "one", 1),
        "cosine subclass": (
            *(
                Model(plain, fc=CosineLinear(P, C)),
                X,
                "fc",
                f"function linear {P} → {C}",
                "one",
                16,
            ),
        ),
    }
    functions = {
        "linear": lambda m, h: 16 * F.linear(F.normalize(h), F.normalize(m.w)),
        "matmul": lambda m, h: 16 * (F.normalize(h) @ F.normalize(m.w).T),
        "einsum": lambda m, h: 16 * torch.einsum("bp,cp->bc", F.normalize(h), F.normalize(m.w)),
    }
    for name, head in functions.items():
        kind = f"function {name} {P} → {C}"
        table[f"cosine {name}"] = (Model(head, w=matrix()), X, "", kind, "one", 16)
    by_hand = Model(lambda m, h: h @ m.w.T + m.b, w=matrix(), b=nn.Parameter(torch.randn(C)))
    table["by hand, with a bias"] = (by_hand, X, "", f"function matmul {P} → {C}", "one", 1)
    tied = Model(lambda m, h: F.linear(h, m.words.weight), words=nn.Embedding(C, P))
    table["tied"] = (tied, TOKENS, "", f"function linear {P} → {C}", "every", 1)
    return table


torch.manual_seed(1)
HEADS = heads()


BATCH_NORM = nn.Sequential(*(nn.Linear(6, P), nn.ReLU(), nn.Linear(P, C), warm(nn.BatchNorm1d(C))))
REFUSED = {
    "batch norm behind the last layer": (BATCH_NORM, X, "`2`"),
    "sigmoid": (Model(lambda m, h: (5 * m.fc(h)).sigmoid(), fc=nn.Linear(P, C)), X, "`fc`"),
    "conv, ReLU, mean": (
        Maps(lambda m, h: m.fc(h).relu().mean((2, 3)), fc=nn.Conv2d(P, C, 1)),
        *(MAPS, "`fc`"),
    ),
    "mean of two heads": (
        Model(lambda m, h: (m.a(h[:, 0]) + m.b(h[:, 1])) / 2, a=nn.Linear(P, C), b=nn.Linear(P, C)),
        *(TOKENS, "`b`"),
    ),
    "a zero head behind a temperature": (
        Model(lambda m, h: m.fc(h) / 2, fc=zeroed(nn.Linear(P, C)), aux=nn.Linear(P, C)),
        *(X, "larger batch"),
    ),
    "ReLU in place of a zero head": (
        Model(lambda m, h: m.fc(h).relu_(), fc=zeroed(nn.Linear(P, C))),
        *(X, "larger batch"),
    ),
    "prototypes of the batch": (
        Model(lambda m, h: h @ torch.stack([h[i::C].mean(0) for i in range(C)]).T),
        *(X, "made from the batch"),
    ),
    "every sample against every sample": (Model(lambda m, h: h @ h.T), X, "function matmul"),
    "one sample, two classes": (
        Model(lambda m, h: (m.fc(h), m.aux(h))[0] * 2, fc=nn.Linear(P, 2), aux=nn.Linear(P, 2)),
        *(X[:1], "larger batch"),
    ),
    "one sample, one logit": (
        Model(lambda m, h: m.fc(h) * 2, fc=nn.Linear(P, 1)),
        *(X[:1], "larger batch"),
    ),
}


def error_of(one):
    """What features·Wᵀ + b leaves of the logits, up to a shift of each row."""
    error = (one.features @ one.weight.mT + one.bias - one.logits).nan_to_num(posinf=0, neginf=0)
    return (error - error.mean(1, keepdim=True)).abs().max()
