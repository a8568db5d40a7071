r"""Principal eigenvectors of small covariance matrices, one for each bin, without decomposing them.

The power $R^n$ of a covariance $R$ with eigenvalues $\lambda_0 > \lambda_1 \ge \dots$ tends to
$\lambda_0^n\,v v^H$, where $v$ is the principal eigenvector; what is left of the others is
$(\lambda_1 / \lambda_0)^n$. Squaring a few times reaches high powers, and one column of the result
is enough. Whether $\lambda_1 < \lambda_0 / c$ is asked of the matrix itself:
$\tfrac{\lambda_0}{c} I - R + \lambda_0 v v^H$ has the eigenvalues $\lambda_0 / c$ and
$\lambda_0 / c - \lambda_i$, so it must be positive definite, which elimination tells exactly up to
rounding.

All of this is elementwise work on tensors over all bins, one for each entry of the matrix: some
hundred operations, and still dozens of times faster than a decomposition for each bin.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from seldkit._typing import Bool, Float

_CLOSE = 1.001  # eigenvalues closer than this share a vector where no condition is asked for


class PrincipalVector(NamedTuple):
    """Principal eigenvector of each bin, of any length, its first entry real and not negative."""

    real: list[Tensor]
    """Real part of each entry."""
    imag: list[Tensor]
    """Imaginary part of each entry."""
    coherent: Tensor | None
    """Whether the eigenvalue is large enough beside the second, None if that was not asked."""

    def direction(self, passed: Tensor | None) -> Float[Tensor, "batch axis time freq"]:
        """Return the real parts of the other entries by the first, scaled to unit length.

        Args:
            passed: Which bins have a direction; the others are 0, as those without a length.
        """
        real = torch.stack(self.real[1:], dim=1)
        if passed is not None:
            real = real.masked_fill(~passed.unsqueeze(1), 0.0)
        square = real.square().sum(dim=1, keepdim=True)
        # The bound keeps gradients of silence 0.
        return real / square.clamp(min=torch.finfo(square.dtype).tiny).sqrt()

    def phase(self, passed: Tensor | None) -> Float[Tensor, "batch pair time freq"]:
        """Return the phases of the other entries against the first, in radians.

        Args:
            passed: Which bins have a phase; the others are 0, as those of silence.
        """
        real, imag = torch.stack(self.real[1:], dim=1), torch.stack(self.imag[1:], dim=1)
        silent = (real == 0) & (imag == 0)
        failed = silent if passed is None else silent | ~passed.unsqueeze(1)
        # Set before the arc tangent, which has no gradient at 0.
        return torch.atan2(imag.masked_fill(failed, 0.0), real.masked_fill(failed, 1.0))


class _Hermitian(NamedTuple):
    """Entries `(row, column)` of Hermitian matrices; the diagonal has no imaginary part."""

    size: int
    real: dict[tuple[int, int], Tensor]
    imag: dict[tuple[int, int], Tensor]


def principal_vector(
    real: Float[Tensor, "batch channel padded_time freq"],
    imag: Float[Tensor, "batch channel padded_time freq"],
    *,
    reach: int,
    condition: float | None,
) -> PrincipalVector:
    """Return the principal eigenvector of the covariance over neighbouring frames of each bin.

    Args:
        real: Real part of the spectrum, with `reach` frames more at either end than are asked for.
        imag: Its imaginary part.
        reach: How many frames before and after a frame its covariance is summed over.
        condition: How many times the largest eigenvalue must exceed the second where the vector is
            of use. If None the vector is for any bin, which takes a few times as long; where the
            two are closer than about 0.1 % it is a mixture of their vectors, which are undefined
            where they are equal.
    """
    covariance = _covariance(list(real.unbind(dim=1)), list(imag.unbind(dim=1)), reach)
    covariance = _normalize(covariance)
    vector_real, vector_imag = _power_column(covariance, condition or _CLOSE)
    if condition is None:
        return PrincipalVector(vector_real, vector_imag, None)
    with torch.no_grad():
        coherent = _is_coherent(covariance, vector_real, vector_imag, condition)
    return PrincipalVector(vector_real, vector_imag, coherent)


def _covariance(real: Sequence[Tensor], imag: Sequence[Tensor], reach: int) -> _Hermitian:
    def diagonal(i: int) -> Tensor:
        return _sum_around(real[i].square().addcmul_(imag[i], imag[i]), reach)

    def below(i: int, j: int) -> tuple[Tensor, Tensor]:
        cosine = (real[i] * real[j]).addcmul_(imag[i], imag[j])
        sine = (imag[i] * real[j]).addcmul_(real[i], imag[j], value=-1)
        return _sum_around(cosine, reach), _sum_around(sine, reach)

    return _hermitian(len(real), diagonal, below)


def _sum_around(frames: Tensor, reach: int) -> Tensor:
    """Return the sum of each frame and `reach` frames on both sides, along the second axis.

    Plain sums: differences of running sums would lose quiet frames after loud ones.
    """
    count = frames.shape[1] - 2 * reach
    total = frames[:, :count] + frames[:, 1 : 1 + count]
    for shift in range(2, 2 * reach + 1):
        total += frames[:, shift : shift + count]
    return total


def _power_column(a: _Hermitian, condition: float) -> tuple[list[Tensor], list[Tensor]]:
    """Return the first column of a power in which the other vectors are below rounding."""
    exponent = -math.log(torch.finfo(a.real[0, 0].dtype).eps) / math.log(condition)
    squarings = max(0, math.ceil(math.log2(exponent / 3)))
    for step in range(squarings):
        # Squared twice, entries between 0 and 1 do not underflow.
        a = _square(a if step % 2 or not step else _normalize(a))
    real = [a.real[i, 0] for i in range(a.size)]
    imag = [torch.zeros_like(real[0]), *(a.imag[i, 0] for i in range(1, a.size))]
    for _ in range(1, math.ceil(exponent / 2**squarings)):
        real, imag = _multiply(a, real, imag)
    return real, imag


def _is_coherent(
    a: _Hermitian, real: list[Tensor], imag: list[Tensor], condition: float
) -> Bool[Tensor, "batch time freq"]:
    """Return whether the eigenvalue of the vector exceeds all others by more than `condition`."""
    image_real, image_imag = _multiply(a, real, imag)
    square = _inner(real, imag, real, imag)
    largest = _inner(real, imag, image_real, image_imag) / square
    bound, scale = largest / condition, (largest / square).sqrt()
    real, imag = [scale * x for x in real], [scale * x for x in imag]

    def diagonal(i: int) -> Tensor:
        return (bound - a.real[i, i]).addcmul_(real[i], real[i]).addcmul_(imag[i], imag[i])

    def below(i: int, j: int) -> tuple[Tensor, Tensor]:
        cosine = (real[i] * real[j]).addcmul_(imag[i], imag[j]).sub_(a.real[i, j])
        sine = (imag[i] * real[j]).addcmul_(real[i], imag[j], value=-1).sub_(a.imag[i, j])
        return cosine, sine

    return _is_positive_definite(_hermitian(a.size, diagonal, below))


def _is_positive_definite(a: _Hermitian) -> Bool[Tensor, "batch time freq"]:
    """Eliminate without exchanging rows, in place: every pivot must be positive; nan is not."""
    positive = a.real[0, 0] > 0
    for k in range(a.size - 1):
        inverse = a.real[k, k].reciprocal()
        for i in range(k + 1, a.size):
            real, imag = a.real[i, k] * inverse, a.imag[i, k] * inverse
            a.real[i, i].addcmul_(real, a.real[i, k], value=-1)
            a.real[i, i].addcmul_(imag, a.imag[i, k], value=-1)
            for j in range(k + 1, i):
                a.real[i, j].addcmul_(real, a.real[j, k], value=-1)
                a.real[i, j].addcmul_(imag, a.imag[j, k], value=-1)
                a.imag[i, j].addcmul_(imag, a.real[j, k], value=-1)
                a.imag[i, j].addcmul_(real, a.imag[j, k])
        positive = positive & (a.real[k + 1, k + 1] > 0)
    return positive


def _square(a: _Hermitian) -> _Hermitian:
    pairs = [(i, j) for i in range(a.size) for j in range(i)]
    squares = {(i, j): a.real[i, j].square().addcmul_(a.imag[i, j], a.imag[i, j]) for i, j in pairs}

    def diagonal(i: int) -> Tensor:
        total = a.real[i, i].square()
        for pair, square in squares.items():
            if i in pair:
                total += square
        return total

    def below(i: int, j: int) -> tuple[Tensor, Tensor]:
        both = a.real[i, i] + a.real[j, j]
        real, imag = both * a.real[i, j], both * a.imag[i, j]
        for k in _others(a.size, i, j):
            real.addcmul_(a.real[i, k], a.real[k, j])
            real.addcmul_(a.imag[i, k], a.imag[k, j], value=-1)
            imag.addcmul_(a.real[i, k], a.imag[k, j]).addcmul_(a.imag[i, k], a.real[k, j])
        return real, imag

    return _hermitian(a.size, diagonal, below)


def _multiply(
    a: _Hermitian, real: list[Tensor], imag: list[Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    """Return the product of matrix and vector."""
    out_real, out_imag = [], []
    for i in range(a.size):
        row_real, row_imag = a.real[i, i] * real[i], a.real[i, i] * imag[i]
        for k in _others(a.size, i):
            row_real.addcmul_(a.real[i, k], real[k])
            row_real.addcmul_(a.imag[i, k], imag[k], value=-1)
            row_imag.addcmul_(a.real[i, k], imag[k]).addcmul_(a.imag[i, k], real[k])
        out_real.append(row_real)
        out_imag.append(row_imag)
    return out_real, out_imag


def _inner(
    real: list[Tensor], imag: list[Tensor], other_real: list[Tensor], other_imag: list[Tensor]
) -> Tensor:
    """Return the real part of the inner product."""
    total = real[0] * other_real[0]
    for a, b in zip([*real[1:], *imag], [*other_real[1:], *other_imag], strict=True):
        total.addcmul_(a, b)
    return total


def _normalize(a: _Hermitian) -> _Hermitian:
    """Return the matrices of trace 1, without a gradient of the trace: only directions matter."""
    with torch.no_grad():
        trace = a.real[0, 0] + a.real[1, 1]
        for i in range(2, a.size):
            trace += a.real[i, i]
        scale = trace.clamp(min=torch.finfo(trace.dtype).tiny).reciprocal()
    return _hermitian(
        a.size,
        lambda i: a.real[i, i] * scale,
        lambda i, j: (a.real[i, j] * scale, a.imag[i, j] * scale),
    )


def _others(size: int, *taken: int) -> list[int]:
    return [k for k in range(size) if k not in taken]


def _hermitian(
    size: int,
    diagonal: Callable[[int], Tensor],
    below: Callable[[int, int], tuple[Tensor, Tensor]],
) -> _Hermitian:
    """Return the matrices whose diagonal and lower triangle these functions make."""
    real, imag = {}, {}
    for i in range(size):
        real[i, i] = diagonal(i)
        for j in range(i):
            real[i, j], imag[i, j] = below(i, j)
            real[j, i], imag[j, i] = real[i, j], -imag[i, j]
    return _Hermitian(size, real, imag)
