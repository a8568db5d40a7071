"""Functions of the eigenvalues of Hermitian matrices, with gradients where these are equal."""

from collections.abc import Callable

import torch
from torch import Tensor

from seldkit._typing import Bool, Complex, Float

Gain = Callable[[Float[Tensor, "*batch row"]], tuple[Tensor, Tensor]]


def with_eigenvalues(
    matrices: Complex[Tensor, "*batch row column"], gain: Gain
) -> Complex[Tensor, "*batch row column"]:
    r"""Return $V g(\Lambda) V^H$ for Hermitian $V \Lambda V^H$; nan where it is not finite.

    Where the matrix moves by $dS$, the result moves by $V (\Gamma \circ V^H dS\, V) V^H$; $\Gamma$
    holds the slopes of $g$ between each two eigenvalues (Daleckii and Krein). It is there for equal
    eigenvalues, as in silence, though eigenvectors have no gradient then.

    Args:
        matrices: Read by their lower triangle.
        gain: From eigenvalues, which rise, to what becomes of them, and to the slope where two are
            equal; it may have steps.
    """
    finite = finite_matrices(matrices)
    matrices = matrices.where(finite, 0)
    values, vectors = torch.linalg.eigh(matrices.detach())
    kept, slope = gain(values)
    result: Tensor = (vectors * kept.unsqueeze(-2)) @ vectors.mH
    if matrices.requires_grad:
        apart = values.unsqueeze(-1) - values.unsqueeze(-2)
        between = (kept.unsqueeze(-1) - kept.unsqueeze(-2)) / apart.where(apart != 0, 1)
        between = between.where(apart != 0, slope.unsqueeze(-1))
        moved = vectors.mH @ (matrices - matrices.detach()) @ vectors
        result = result + vectors @ (between * moved) @ vectors.mH
    return result.where(finite, torch.nan)


def finite_matrices(matrices: Complex[Tensor, "*batch row column"]) -> Bool[Tensor, "*batch 1 1"]:
    """Return which matrices hold neither nan nor infinity: what takes eigenvalues stops at them."""
    return matrices.isfinite().all(dim=-1, keepdim=True).all(dim=-2, keepdim=True)
