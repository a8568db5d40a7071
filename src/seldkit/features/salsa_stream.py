"""SALSA of clips whose frames come in bit by bit."""

from collections.abc import Callable

import torch
from torch import Tensor

from seldkit._typing import Complex, Float
from seldkit.features.noise_floor import NoiseFloor


class SALSAStream:
    """SALSA of some clips, some frames of their spectrum at a time; made by `SALSA.stream`.

    It keeps six frames and the noise floor. A frame's features come out with the third frame after
    it, those of the first two with the fifth frame, where the noise floor starts. No gradients.

    Args:
        features: From the real and imaginary parts of a spectrum that has `reach` frames more at
            either end, and from the bins that stand out of the noise, to features.
        first_power: From both parts to the power of the first channel.
        reach: How many frames before and after a frame its features depend on.
        noise_ratio: By how much a level must exceed the noise floor; None leaves out that test.
    """

    def __init__(
        self,
        features: Callable[[Tensor, Tensor, Tensor | None], Tensor],
        first_power: Callable[[Tensor, Tensor], Tensor],
        *,
        reach: int,
        noise_ratio: float | None,
    ) -> None:
        self._features, self._first_power, self._reach = features, first_power, reach
        self._floor = None if noise_ratio is None else NoiseFloor(noise_ratio)
        self._held: Tensor | None = None  # frames whose neighbours are not all there
        self._above: Tensor | None = None  # which of their bins stand out, as far as known

    @torch.no_grad()
    def push(
        self, spectrum: Complex[Tensor, "batch channel _ freq"]
    ) -> Float[Tensor, "batch out _ bin"]:
        """Return the features that are known with these frames."""
        if self._held is None:
            self._held = spectrum.new_zeros(*spectrum.shape[:2], self._reach, spectrum.shape[3])
        above = None
        if self._floor is not None:
            above = self._floor.push(self._first_power(spectrum.real, spectrum.imag))
        return self._advance(self._held, spectrum, above)

    @torch.no_grad()
    def flush(self) -> Float[Tensor, "batch out _ bin"]:
        """Return the features of the frames that are left at the end of the clip.

        Raises:
            RuntimeError: If there was no frame.
        """
        if self._held is None:
            raise RuntimeError("SALSAStream must be given a frame before its clip ends")
        after = torch.zeros_like(self._held[:, :, : self._reach])
        return self._advance(
            self._held, after, None if self._floor is None else self._floor.flush()
        )

    def _advance(self, held: Tensor, frames: Tensor, above: Tensor | None) -> Tensor:
        held = torch.cat((held, frames), dim=2)
        known = max(held.shape[2] - 2 * self._reach, 0)
        if above is not None:
            above = above if self._above is None else torch.cat((self._above, above), dim=1)
            known = min(known, above.shape[1])
            self._above = above[:, known:].clone()
            above = above[:, :known]
        self._held = held[:, :, known:].clone()
        if not known:  # features of a spectrum that is nothing but edges: no frames
            held = held.new_zeros(*held.shape[:2], 2 * self._reach, held.shape[3])
        ready = held[:, :, : known + 2 * self._reach]
        return self._features(ready.real, ready.imag, above)
