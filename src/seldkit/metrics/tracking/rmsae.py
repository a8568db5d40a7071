"""Angular errors of what is matched, without identities."""

from collections.abc import Mapping
from math import nan
from typing import ClassVar, NamedTuple

from torch import Tensor

from seldkit._checks import check_positive
from seldkit.geometry import within
from seldkit.metrics.counts import Counts
from seldkit.metrics.tracking.accumulator import TrackMetrics
from seldkit.metrics.tracking.clip import TrackClip


class RMSAEScores(NamedTuple):
    """How far directions are off; nan where there is nothing to be averaged.

    Attributes:
        rmsae_deg: Root mean square of the angles of all pairs, in degrees. Lower is better.
        mean_error_deg: Their mean. Lower is better.
        azimuth_error_deg: Mean difference of azimuths of pairs within the gate. Lower is better.
        elevation_error_deg: Mean difference of elevations of the same pairs. Lower is better.
        gross_error_rate: Pairs whose azimuths differ by more than the gate, over pairs, 0 to 1.
            Lower is better.
        recall: References with a pair within the gate, over references, 0 to 1. Higher is better.
        frame_recall: Frames with as many predictions as references over frames, 0 to 1. Higher is
            better.
    """

    rmsae_deg: float = nan
    mean_error_deg: float = nan
    azimuth_error_deg: float = nan
    elevation_error_deg: float = nan
    gross_error_rate: float = nan
    recall: float = nan
    frame_recall: float = nan


class RMSAE(TrackMetrics):
    r"""Root mean square angular error, gross errors and frame recall.

    In each frame predictions and references are matched at the smallest sum of angles, whatever
    their classes and sources. With the angles $\alpha$ of the pairs

    $$\mathrm{RMSAE} = \sqrt{\tfrac1n \sum \alpha^2}$$

    What has no pair does not count there; it does in the recall. As in LOCATA, azimuths
    decide what is a gross error. How fine the rest is, azimuths and elevations apart, is averaged
    over pairs that are none. The frame recall asks for the right number of sources alone, in every
    frame of the clip, silence included; `num_frames` of either side tells how long that is, or
    else the last event. Clips are taken in one a call, as by all
    [`TrackMetrics`][seldkit.metrics.tracking.TrackMetrics].

    Args:
        gate_deg: Largest difference of azimuths that is no gross error, in degrees.

    Raises:
        TypeError: If the gate is no number.
        ValueError: If it is not positive.

    Examples:
        >>> from seldkit import Events
        >>> there = Events.from_degrees([0, 1], [0, 0], [0, 0], [0, 0], num_frames=4)
        >>> found = Events.from_degrees([0, 1, 2], [0, 0, 0], [3, -60, 0], [0, 0, 0])
        >>> metric = RMSAE()
        >>> metric.update(found, there)
        >>> scores = metric.compute()
        >>> round(scores.rmsae_deg, 3), scores.gross_error_rate, scores.frame_recall
        (42.479, 0.5, 0.75)

    Source: The RMSAE is that of D. Diaz-Guerra, A. Miguel and J. R. Beltran, "Robust sound source
    tracking using SRP-PHAT and 3D convolutional neural networks", IEEE/ACM TASLP 29, 2021, of one
    source in each frame; the frame recall that of S. Adavanne et al., "Sound event localization and
    detection of overlapping sources using convolutional recurrent neural networks", IEEE JSTSP
    13(1), 2019. Several sources, and a gate of 20 degrees, are our own.
    """

    alike: ClassVar[tuple[str, ...]] = ("gate_deg",)
    _names: ClassVar[tuple[str, ...]] = (
        "pairs",
        "squares",
        "angles",
        "fine",
        "azimuths",
        "elevations",
        "references",
        "right_frames",
        "frames",
    )

    def __init__(self, gate_deg: float = 20.0) -> None:
        check_positive(gate_deg=gate_deg)
        self.gate_deg = float(gate_deg)
        self.reset()

    def compute(self) -> RMSAEScores:
        """Return the scores of all clips so far.

        Raises:
            ValueError: If there is no clip.
        """
        return RMSAEScores(**self._scores())

    def score(self, counts: Counts) -> Mapping[str, Tensor]:
        """Return the scores that counts have, by name: of the shape of the counts."""
        of = counts.overall
        return {
            "rmsae_deg": (of["squares"] / of["pairs"]).sqrt(),
            "mean_error_deg": of["angles"] / of["pairs"],
            "azimuth_error_deg": of["azimuths"] / of["fine"],
            "elevation_error_deg": of["elevations"] / of["fine"],
            "gross_error_rate": 1 - of["fine"] / of["pairs"],
            "recall": of["fine"] / of["references"],
            "frame_recall": of["right_frames"] / of["frames"],
        }

    def _count(self, clip: TrackClip) -> tuple[Tensor | float, ...]:
        references, predictions = clip.cells()
        row, col, angle = clip.match("sphere")
        azimuth, elevation = (clip.angle_deg(row, col, each) for each in ("azimuth", "elevation"))
        fine = within(azimuth, self.gate_deg)
        wrong = (references.size != predictions.size).sum()
        return (
            len(angle),
            angle.square().sum(),
            angle.sum(),
            fine.sum(),
            azimuth[fine].sum(),
            elevation[fine].sum(),
            len(clip.reference.cell),
            clip.num_frames - wrong,
            clip.num_frames,
        )
