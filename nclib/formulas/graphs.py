"""A deep solution of lower rank than collapse, from the edges of a complete graph.

K = r(r-1)/2 classes are the edges of the complete graph on r vertices, A its (r, K) incidence
matrix. Two edges share a vertex or none, so AᵀA - 11ᵀ is 1 on the diagonal, 0 where edges meet and
-1 elsewhere: a ReLU makes the identity of a matrix of rank r < K. All layers before the last carry
A. Edges that meet form a strongly regular graph, the triangular graph T(r) (Súkeník et al. 2024).
"""

from __future__ import annotations

import math
from itertools import combinations

import torch

from nclib.checks import at_least
from nclib.shapes import Float, Tensor


def num_vertices(num_classes: int) -> int:
    """The r with r(r-1)/2 = ``num_classes``; ValueError where there is none."""
    vertices = (1 + math.isqrt(1 + 8 * num_classes)) // 2
    if vertices < 3 or vertices * (vertices - 1) // 2 != num_classes:
        raise ValueError(
            f"num_classes is {num_classes}; the graph solution needs as many classes as a complete "
            "graph has edges, r(r-1)/2: 3, 6, 10, 15, 21, 28, …"
        )
    return vertices


def incidence(vertices: int) -> Float[Tensor, "r K"]:
    """A (r, K): vertex i belongs to edge k. Every column has two ones, every row r-1."""
    edges = torch.tensor(list(combinations(range(vertices), 2)))
    return torch.zeros(vertices, len(edges), dtype=torch.float64).scatter_(0, edges.T, 1.0)


def graph_matrices(num_classes: int, depth: int) -> tuple[Tensor, list[Tensor]]:
    """Class means (K, r) and weights W_1…W_L, up to scale: they multiply to the (K, K) identity.

    W_1 and the means split A by its singular values, the middle layers are the identity of r
    vertices, W_{L-1} = Aᵀ - ½11ᵀ makes AᵀA - 11ᵀ of A, and W_L is the identity of K classes.
    """
    at_least(3, " for the graph solution", depth=depth)
    edges = incidence(num_vertices(num_classes))
    u, s, vt = torch.linalg.svd(edges, full_matrices=False)
    middle = [torch.eye(len(edges), dtype=torch.float64)] * (depth - 3)
    last = [edges.T - 0.5, torch.eye(num_classes, dtype=torch.float64)]
    return vt.T * s.sqrt(), [u * s.sqrt(), *middle, *last]


def graph_factor(num_classes: int, depth: int) -> float:
    """G = ‖M_1‖²‖W_1‖²…‖W_L‖² of ``graph_matrices``; collapse has K^{L+1}.

    ‖M_1‖²‖W_1‖² = ‖A‖_*², the middle layers r each, ‖W_{L-1}‖² = Kr/4, ‖W_L‖² = K.
    """
    r, k = num_vertices(num_classes), num_classes
    at_least(3, " for the graph solution", depth=depth)
    nuclear = math.sqrt(2 * (r - 1)) + (r - 1) * math.sqrt(r - 2)
    return nuclear**2 * r ** (depth - 3) * (k * r / 4) * k
