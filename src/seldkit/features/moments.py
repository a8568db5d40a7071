"""Mean and deviation of frames, measured in parts and put together."""

from typing import NamedTuple

from torch import Tensor

from seldkit._typing import Float


class Moments(NamedTuple):
    """Mean and mean squared deviation of so many frames, float64 on the CPU, `channel 1 bin`."""

    num_frames: int
    mean: Tensor
    square: Tensor

    @classmethod
    def of(
        cls, batch: Float[Tensor, "batch channel time freq"], axes: tuple[int, ...]
    ) -> "Moments":
        """Return the moments of some frames, over the axes of batch and time and maybe freq."""
        values = batch.detach().double()
        mean = values.mean(dim=axes, keepdim=True)
        square = (values - mean).square_().mean(dim=axes, keepdim=True)
        return cls(batch.shape[0] * batch.shape[2], mean[0].cpu(), square[0].cpu())

    def merged(self, other: "Moments") -> "Moments":
        """Return the moments of both together.

        Source: Chan et al., "Updating formulae and a pairwise algorithm for computing sample
        variances", 1979: it loses no digits where the mean is far from zero.
        """
        total = self.num_frames + other.num_frames
        if other.num_frames == 0 or self.num_frames == 0:
            return self if other.num_frames == 0 else other
        share = other.num_frames / total
        shift = other.mean - self.mean
        square = self.square + share * (other.square - self.square)
        return Moments(
            total, self.mean + share * shift, square + shift.square() * (share * (1 - share))
        )
