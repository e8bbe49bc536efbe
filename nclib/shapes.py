"""Shape annotations such as ``Float[Tensor, "N p"]``.

With jaxtyping installed they are real and the tests check them at run time; without it (a hosted
notebook, a plain install) they read the same and mean plain ``Tensor``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
else:
    try:
        from jaxtyping import Bool, Float, Int
    except ImportError:

        class _Plain:
            def __class_getitem__(cls, item: tuple) -> type:
                """``Float[Tensor, "N p"]`` is ``Tensor``."""
                return item[0]

        Bool = Float = Int = _Plain

Number = int | float  # the run-time checker does not take an int for a float

__all__ = ["Bool", "Float", "Int", "Number", "Tensor"]
