"""Directions of sounds in a recording, without a network and without training."""

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import (
    check_count,
    check_finite,
    check_floating,
    check_literal,
    check_positive,
    check_shape,
)
from seldkit._typing import Bool, Float
from seldkit.arrays import ArrayGeometry
from seldkit.events import Events
from seldkit.geometry import unit_norm
from seldkit.grids import DirectionGrid
from seldkit.localization.ambisonic_maps import nearness
from seldkit.localization.search import search_grid
from seldkit.localization.sightings import Method, Sightings, sight
from seldkit.localization.tracks import map_events
from seldkit.postprocess import detect_activity

_WIDTH_DEG = 5.0  # how far sightings of one source scatter
_SEPARATION_DEG = 15.0  # nearer than that are one source
_WINDOW_S = 1.0  # the deviation of the time around a frame in which sightings count
_FAINT = 0.05  # of the densest place: what is less is no source
_HIGH, _LOW = 0.2, 0.05  # of how clear a source is when it is clearest
_GAP_S, _SHORT_S = 0.5, 0.2


def localize(
    waveform: Float[Tensor, "channel sample"],
    array: ArrayGeometry | Literal["foa"],
    sample_rate: int,
    *,
    method: Method = "srp_phat",
    max_sources: int = 1,
    grid: DirectionGrid | None = None,
    fmin: float = 500.0,
    fmax: float | None = None,
    frame_s: float = 0.1,
) -> Events:
    """Return where sounds come from in a recording, and when, by no more than their phases.

    Every 20 ms the map of a frame of 64 ms has a peak, the louder its direction is beside all
    others the clearer. Of overlapping talkers it is now the one, now the other. Sightings of a
    source lie close together: where, within some seconds, most of them are, weighted by how clear
    they are, there is a source, and up to `max_sources` such places are followed. A source is
    active in the frames in which it is seen, in which nobody knows what it is: all are of class 0.

    Sources that stay or move slowly are found, several if each of them is loudest now and then.
    They must be 15 degrees apart. Of two sounds that never pause the weaker may be missed.

    Args:
        waveform: The recording.
        array: The microphones in the order of the channels, or `"foa"` for ambisonics.
        sample_rate: In hertz.
        method: `"srp_phat"`, steered response power; for ambisonics that of a beam, with every bin
            as loud as the others. `"music"`, wide-band MUSIC, many times as slow. `"intensity"`,
            for ambisonics alone, how many bins have their intensity from a direction.
        max_sources: How many sources sound at once, at most.
        grid: Where to look; by default all that the array can tell apart, see
            [`search_grid`][seldkit.localization.search_grid].
        fmin: Lowest frequency that counts, in hertz: below, small arrays hear all alike.
        fmax: Highest frequency that counts, in hertz; None is half the sampling rate. Phases of
            single pairs are ambiguous from
            [`aliasing_frequency`][seldkit.arrays.ArrayGeometry.aliasing_frequency] on, but those
            of all pairs and bins together hardly are.
        frame_s: Length of the label frames, in seconds.

    Returns:
        Events of class 0, with a source for each track, without distances. Silence has none.

    Raises:
        TypeError: If the waveform holds integers.
        ValueError: If the waveform does not have the channels of the array, holds nan or is empty,
            intensity is asked of an array, or a setting is out of range.

    Examples:
        >>> from seldkit.ambisonics import plane_wave
        >>> from seldkit.geometry import angle_deg, unit_vector
        >>> sound = torch.randn(16000, generator=torch.Generator().manual_seed(0))
        >>> direction = unit_vector(60.0, 10.0)
        >>> events = localize(plane_wave(sound, direction), "foa", 16000)
        >>> len(events), bool((angle_deg(events.direction, direction) < 3).all())
        (10, True)
    """
    _check(waveform, array, method)
    check_count(sample_rate=sample_rate, max_sources=max_sources)
    check_positive(frame_s=frame_s)
    grid = search_grid(array) if grid is None else grid
    with torch.inference_mode():
        found = sight(waveform.cpu(), array, grid, sample_rate, method=method, fmin=fmin, fmax=fmax)
    num_frames = math.ceil(round(waveform.shape[1] / sample_rate / frame_s, 6))
    return _tracks(found, grid, num_frames, frame_s, max_sources)


def _tracks(
    found: Sightings, grid: DirectionGrid, num_frames: int, frame_s: float, max_sources: int
) -> Events:
    """Return the places where sightings are dense, in the frames in which they are seen."""
    seen = torch.zeros(num_frames, grid.num_points, dtype=torch.float64)
    frame = (found.time_s / frame_s).long().clamp(max=num_frames - 1)
    seen.index_put_((frame, found.point), found.clarity, accumulate=True)
    around, near = _over_time(seen, _WINDOW_S / frame_s), nearness(grid, _WIDTH_DEG)
    density = around @ near
    events = map_events(
        density,
        grid,
        max_sources=max_sources,
        threshold=_FAINT * float(density.max()),
        separation_deg=_SEPARATION_DEG,
        frame_s=frame_s,
    )
    close = near[grid.nearest(events.direction)]
    # The middle of the sightings lies between points of the grid.
    direction = unit_norm((around[events.frame] * close) @ grid.directions)
    active = _active(events, (seen[events.frame] * close).sum(dim=1), frame_s)
    _, source = events.source[active].unique(return_inverse=True)
    return Events(
        events.frame[active],
        events.label[active],
        direction[active],
        source=source,
        num_frames=num_frames,
        frame_s=frame_s,
    )


def _active(
    events: Events, clarity: Float[Tensor, " event"], frame_s: float
) -> Bool[Tensor, " event"]:
    """Return the events in which their source is about as clear as it can be."""
    if not len(events):
        return torch.zeros(0, dtype=torch.bool)
    assert events.num_frames is not None  # map_events says it
    by_source = clarity.new_zeros(events.num_frames, int(events.source.max()) + 1)
    by_source[events.frame, events.source] = clarity
    clearest = by_source.quantile(0.95, dim=0).clamp(min=torch.finfo(clarity.dtype).tiny)
    active = detect_activity(
        by_source / clearest,
        high=_HIGH,
        low=_LOW,
        max_gap=round(_GAP_S / frame_s),
        min_frames=max(1, round(_SHORT_S / frame_s)),
        dim=0,
    )
    return active[events.frame, events.source]


def _over_time(counts: Float[Tensor, "time point"], width: float) -> Float[Tensor, "time point"]:
    """Return sums over the frames around each, weighted by a Gaussian."""
    reach = math.ceil(3 * width)
    lag = torch.arange(-reach, reach + 1, dtype=counts.dtype)
    window = (-0.5 * (lag / width).square()).exp().reshape(1, 1, -1)
    return functional.conv1d(counts.T.unsqueeze(1), window, padding=reach).squeeze(1).T


def _check(waveform: Tensor, array: ArrayGeometry | Literal["foa"], method: Method) -> None:
    check_literal("method", method, Method)
    if isinstance(array, ArrayGeometry):
        channels = array.num_channels
        if method == "intensity":
            raise ValueError("method 'intensity' needs ambisonics, array='foa', got an array")
    elif array == "foa":
        channels = 4
    else:
        raise ValueError(f"array must be an ArrayGeometry or 'foa', got {array!r}")
    check_shape("waveform", waveform, "channel sample", channel=channels)
    check_floating(waveform=waveform)
    check_finite("waveform", waveform)
    if not waveform.shape[1]:
        raise ValueError("waveform must have a sample, got none")
