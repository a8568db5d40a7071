"""The direct-path phases of SRP-DNN and IPDnet: what each pair of microphones would hear alone."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import lru_cache
from math import pi
from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import check_count, check_literal, check_positive
from seldkit._pairs import Pair, check_pairs, pairs_among, pairs_with_first
from seldkit._typing import Bool, Float, Int
from seldkit.arrays import SPEED_OF_SOUND, ArrayGeometry
from seldkit.events import Events
from seldkit.events.columns import number_within
from seldkit.formats.base import Format, numbers
from seldkit.formats.track_wise import tracks_of
from seldkit.grids import DirectionGrid

Search = Literal["iterative", "peaks"]


@dataclass(frozen=True)
class DirectPathPhase(Format):
    r"""Events as the phase differences that their direct sound has between microphones.

    A far source in the direction $u$ turns the phase of a pair of microphones $(m, n)$ by

    $$T_{mn}(f, u) = e^{-2 \pi j f\,u \cdot (r_n - r_m) / c},$$

    the phase of $X_m X_n^*$ without echoes and noise. A target holds its real part, the cosine, and
    its imaginary part, the sine. A network that estimates it needs to know no array: the
    directions are those whose phases fit best, on any grid and for any array.

    There are two forms. Summed (`num_tracks=None`, SRP-DNN): the phases of all sources of a frame
    add up, and silence is zeros, so there are no tracks to be assigned. In tracks (IPDnet): each
    track holds the phases of one source, and those of a diffuse sound field, $J_0(2 \pi f d / c)$
    of the distance $d$, where it is silent.

    Classes are not held: events of any class count alike, and what is decoded is of class 0.

    Source: Yang et al., "SRP-DNN: Learning direct-path phase difference for multiple moving sound
    source localization", ICASSP 2022; Wang et al., "IPDnet: A universal direct-path IPD estimation
    network for sound source localization", IEEE/ACM TASLP 2024.

    Args:
        array: The microphones.
        grid: Where `decode` looks; None is every 5 degrees, in the upper half for a level array.
        num_tracks: Number of tracks; None for sums over the sources.
        max_sources: The most events of a frame that are summed and looked for; without tracks.
        pairs: Pairs `(m, n)` of microphones; by default the first with each other one.
        search: For sums, `"iterative"`: the best direction, then that of what its phases leave, and
            so on; or `"peaks"`, the greatest local maxima, `separation_deg` apart.
        separation_deg: Least angle between two peaks, in degrees.
        n_fft: Length of the FFT, in samples.
        bins: Its first bin and the one after the last.
        sample_rate: In hertz.
        speed_of_sound: In metres per second; published 343 of SRP-DNN and 340 of IPDnet.
        threshold: A source is active where its phases weigh more than this in the output: they do
            with 1 in their own target, and with 0 in silence.
        overflow: What `encode` does with more events than fit a frame and those beyond the clip:
            `"raise"`, or `"drop"`, which leaves them out; `fit` tells which.

    Raises:
        TypeError: If a count is no integer, or a threshold no number.
        ValueError: If a number is out of range, a word is unknown, or a pair is not of two of the
            microphones.

    Examples:
        >>> array = ArrayGeometry.tetrahedron()
        >>> format = DirectPathPhase(array, bins=(1, 65), n_fft=128)
        >>> events = Events.from_degrees([0, 0], [4, 4], [90.0, -30.0], [0.0, 20.0])
        >>> target = format.encode(events, num_frames=2)
        >>> target.shape
        torch.Size([2, 3, 2, 64])
        >>> format.decode(target).azimuth_deg.round()
        tensor([ 90., -30.], dtype=torch.float64)
    """

    num_classes: int = field(default=1, init=False)
    array: ArrayGeometry
    grid: DirectionGrid | None = None
    _: KW_ONLY
    num_tracks: int | None = None
    max_sources: int = 2
    pairs: Sequence[Pair] | None = None
    search: Search = "iterative"
    separation_deg: float = 15.0
    n_fft: int = 512
    bins: tuple[int, int] = (1, 257)
    sample_rate: int = 16000
    speed_of_sound: float = SPEED_OF_SOUND
    distance: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("max_sources", "n_fft", "sample_rate"):
            self._count(name)
        if self.num_tracks is not None:
            self._count("num_tracks")
        check_literal("search", self.search, Search)
        check_positive(separation_deg=self.separation_deg, speed_of_sound=self.speed_of_sound)
        first, stop = self.bins
        if not 0 <= first < stop <= self.n_fft // 2 + 1:
            raise ValueError(
                f"bins must be 0 <= first < stop <= {self.n_fft // 2 + 1}, got {self.bins}"
            )
        pairs = pairs_among(self.array.num_channels, check_pairs(self.pairs), pairs_with_first)
        object.__setattr__(self, "pairs", pairs)
        object.__setattr__(self, "bins", (first, stop))
        if self.grid is None:
            level = bool((self.array.positions[:, 2] == self.array.positions[0, 2]).all())
            grid = DirectionGrid.equiangular(19 if level else 37, 72, upper_half=level)
            object.__setattr__(self, "grid", grid)

    def encode(
        self, events: Events, num_frames: int
    ) -> Float[Tensor, "time *track pair part=2 freq"]:
        """Return the target of a clip, without the batch axis.

        Args:
            events: The events of the clip, in frames of the network's output.
            num_frames: Number of frames of the target.

        Returns:
            `(time, pair, part, freq)`, or `(time, track, pair, part, freq)` with tracks; the parts
            are cosines and sines.

        Raises:
            ValueError: If there are more events in a frame than fit, or one lies beyond
                `num_frames` (unless `overflow="drop"`).
        """
        kept = self._to_encode(events, num_frames)
        phases = self.phases(kept.direction).float()
        if self.num_tracks is None:
            silence = phases.new_zeros(num_frames, *phases.shape[1:])
            return silence.index_add_(0, kept.frame, phases)
        silence = self.diffuse().float().expand(num_frames, self.num_tracks, -1, -1, -1)
        place = (kept.frame, tracks_of(kept, self.num_tracks))
        return silence.clone().index_put_(place, phases)

    def decode(self, output: Float[Tensor, "time *track pair part=2 freq"]) -> Events:
        """Return the events of a network's output.

        Args:
            output: What a network estimates, in the form of a target, of any length.

        Returns:
            One row for each active source and frame, of class 0, sorted by frame. `source` is the
            track; without tracks it is the rank among the sources of the frame, of which the
            first is the strongest, so that it may hop from one to the other.

        Raises:
            ValueError: If the shape is not that of a target, or a value is nan.
        """
        output = numbers("output", output, self._axes, **self._sizes)
        if self.num_tracks is not None:
            point, active = self._of_tracks(output.flatten(2))
        elif self.search == "peaks":
            assert self.grid is not None  # since it was made
            peaks = self.grid.peaks(
                self.score(output),
                max_peaks=self.max_sources,
                threshold=self._threshold,
                separation_deg=self.separation_deg,
            )
            point, active = peaks.point, peaks.point >= 0
        else:
            point, active = self._one_by_one(output.flatten(1))
        assert self.grid is not None
        frame, source = active.nonzero().unbind(dim=1)
        return Events(
            frame,
            torch.zeros_like(frame),
            self.grid.directions[point[frame, source]],
            source=source,
            num_frames=len(output),
        )

    def score(
        self, output: Float[Tensor, "*axes pair part=2 freq"]
    ) -> Float[Tensor, "*axes point"]:
        """Return how well the phases of each point of the grid fit an output: a map.

        It is 1 at the direction of a single source, and the sum over the sources.

        Raises:
            ValueError: If the last three axes are not those of a target.
        """
        sizes = (self._sizes["pair"], 2, self._sizes["freq"])
        if output.shape[-3:] != sizes:
            raise ValueError(
                f"output must be (..., pair={sizes[0]}, part=2, freq={sizes[2]}),"
                f" got shape {tuple(output.shape)}"
            )
        templates = _templates(self).to(output)
        return output.flatten(-3) @ templates.mT / (templates.shape[1] / 2)

    def phases(
        self, direction: Float[Tensor, "*axes axis=3"]
    ) -> Float[Tensor, "*axes pair part=2 freq"]:
        """Return the phases of far sources: cosines and sines for each pair and bin."""
        delay = self.array.delays(direction, speed_of_sound=self.speed_of_sound)
        first, second = torch.tensor(self.pairs, device=delay.device).unbind(dim=1)
        later = delay[..., second] - delay[..., first]
        angle = 2 * pi * later.unsqueeze(-1) * self._frequency.to(delay)
        return torch.stack((angle.cos(), angle.sin()), dim=-2)

    def diffuse(self) -> Float[Tensor, "pair part=2 freq"]:
        """Return the target of a silent track: the coherence of sound from all around."""
        first, second = torch.tensor(self.pairs).unbind(dim=1)
        places = self.array.positions
        apart = torch.linalg.vector_norm(places[second] - places[first], dim=1).unsqueeze(1)
        coherence = torch.special.bessel_j0(2 * pi * apart * self._frequency / self.speed_of_sound)
        return torch.stack((coherence, torch.zeros_like(coherence)), dim=1)

    @property
    def _frequency(self) -> Float[Tensor, " freq"]:
        return torch.arange(*self.bins, dtype=torch.float64) * (self.sample_rate / self.n_fft)

    @property
    def _axes(self) -> str:
        return f"time {'' if self.num_tracks is None else 'track '}pair part freq"

    @property
    def _sizes(self) -> dict[str, int]:
        assert self.pairs is not None
        sizes = {"pair": len(self.pairs), "part": 2, "freq": self.bins[1] - self.bins[0]}
        return sizes if self.num_tracks is None else {"track": self.num_tracks, **sizes}

    @property
    def _threshold(self) -> float:
        return float(self._thresholds()[0])

    @property
    def _room(self) -> str:
        if self.num_tracks is None:
            return f"{self.max_sources} sources at once"
        return f"{self.num_tracks} tracks"

    def _check(self, events: Events, num_frames: int) -> None:
        check_count(num_frames=num_frames)

    def _placed(self, events: Events) -> Bool[Tensor, " event"]:
        if self.num_tracks is None:
            return number_within(events.frame) < self.max_sources
        return tracks_of(events, self.num_tracks) >= 0

    def _one_by_one(
        self, output: Float[Tensor, "time entry"]
    ) -> tuple[Int[Tensor, "time source"], Bool[Tensor, "time source"]]:
        """Return the best point, then that of what its phases leave, and which are active."""
        templates, half = _templates(self), output.shape[1] / 2
        points, weights = [], []
        for _ in range(self.max_sources):
            weight, point = (output @ templates.mT / half).max(dim=1)
            output = output - weight.unsqueeze(1) * templates[point]
            points.append(point)
            weights.append(weight)
        active = (torch.stack(weights, dim=1) > self._threshold).cumprod(dim=1).bool()
        return torch.stack(points, dim=1), active

    def _of_tracks(
        self, output: Float[Tensor, "time track entry"]
    ) -> tuple[Int[Tensor, "time track"], Bool[Tensor, "time track"]]:
        """Return the best point of each track, and where it is nearer to that than to silence."""
        templates, silence = _templates(self), self.diffuse().flatten()
        point = (output @ templates.mT).argmax(dim=-1)
        there = templates[point] - silence
        weight = ((output - silence) * there).sum(dim=-1) / there.square().sum(dim=-1)
        return point, weight > self._threshold


@lru_cache(maxsize=4)
@torch.inference_mode(mode=False)  # they may be needed in a training afterwards
def _templates(format: DirectPathPhase) -> Float[Tensor, "point entry"]:
    """Return the phases of each point of the grid."""
    assert format.grid is not None
    return format.phases(format.grid.directions).flatten(1)
