"""A scene as the challenges show it: spectrogram, classes, azimuth, elevation and distance."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from seldkit._checks import check_count, check_finite, check_shape
from seldkit._typing import Float
from seldkit.events import Events
from seldkit.plot.canvas import figure_of, stacked_axes
from seldkit.plot.ink import class_looks, ink_of
from seldkit.plot.panels import Kind, draw_panel, height_in, kinds_of
from seldkit.plot.strokes import by_onset, class_names, duration_s, name_events, sides

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_COLUMNS = 1500
"""The spectrogram of a long recording shows the loudest frame of each of so many stretches."""
DYNAMIC_DB = 80.0
"""Levels further below the loudest one are as dark as it gets."""


def plot_scene(
    reference: Events,
    prediction: Events | None = None,
    *,
    waveform: Float[Tensor, "channel sample"] | None = None,
    sample_rate: int | None = None,
    classes: Sequence[str] | None = None,
    title: str | None = None,
    axes: "Sequence[Axes] | None" = None,
) -> "Figure":
    """Draw the classic panels over one axis of time.

    From top to bottom: the spectrogram of the first channel, if there is audio (for ambisonics the
    omnidirectional one); the classes that occur, in the order of their first onset; azimuth;
    elevation; the distance, where it is known. Colours, lines and the page are those of
    [`plot_events`][seldkit.plot.plot_events].

    Args:
        reference: What sounds, or anything that is drawn alone.
        prediction: What a system found.
        waveform: The recording, `(channel, sample)`.
        sample_rate: Of the recording, in hertz.
        classes: Names of the classes; by default their numbers.
        title: Heading of the picture.
        axes: As many panels to draw on, from top to bottom; by default those of a new figure.

    Raises:
        ModuleNotFoundError: If matplotlib is not installed.
        TypeError: If `classes` is one text.
        ValueError: If a class has no name, the waveform has another shape, no samples or no rate,
            or there is another number of axes.

    Examples:
        >>> events = Events.from_degrees([0, 1], [0, 1], [30, 90], [0, 0], distance=[1.0, 2.0])
        >>> audio = torch.randn(4, 4800)
        >>> figure = plot_scene(events, waveform=audio, sample_rate=24000, classes=["dog", "rain"])
        >>> [axes.get_ylabel() for axes in figure.axes]
        ['kHz', '', 'azimuth (°)', 'elevation (°)', 'distance (m)']
    """
    if waveform is not None:
        _check_audio(waveform, sample_rate)
    drawn = sides(reference, prediction)
    names = class_names(classes, by_onset(events for events, _ in drawn))
    kinds: list[Kind] = ["classes", *kinds_of(drawn)]
    heights = [height_in(kind, len(names)) for kind in kinds]
    panels = stacked_axes(axes, [1.5] * (waveform is not None) + heights)
    ink = ink_of(panels[0])
    looks = class_looks(names, ink)
    length_s = max(duration_s(events) for events, _ in drawn)
    if waveform is not None and sample_rate is not None:
        _draw_spectrogram(panels[0], waveform[0], sample_rate)
        length_s = max(length_s, waveform.shape[1] / sample_rate)
    for panel, kind in zip(panels[-len(kinds) :], kinds, strict=True):
        draw_panel(panel, kind, drawn, names, looks, ink)
    panels[-1].set_xlabel("time (s)")
    panels[-1].set_xlim(0, length_s)
    if title is not None:
        panels[0].set_title(title, loc="left", fontsize="medium")
    # The panel of classes names them itself.
    name_events(panels[0], {}, looks, drawn, ink, own=axes is None)
    return figure_of(panels[0])


def _check_audio(waveform: Tensor, sample_rate: int | None) -> None:
    check_shape("waveform", waveform, "channel sample")
    if not waveform.numel():
        raise ValueError(f"waveform must hold samples, got shape {tuple(waveform.shape)}")
    if sample_rate is None:
        raise ValueError("sample_rate must be given with a waveform, got None")
    check_count(sample_rate=sample_rate)
    check_finite("waveform", waveform)


def _draw_spectrogram(panel: "Axes", signal: Float[Tensor, " sample"], sample_rate: int) -> None:
    """Draw the levels of a signal in dB below its loudest frame and bin."""
    n_fft = 2 ** max(5, round(np.log2(0.04 * sample_rate)))
    signal = signal.detach().cpu().float()
    window = torch.hann_window(n_fft)
    spectrum = torch.stft(
        signal, n_fft, n_fft // 4, window=window, pad_mode="constant", return_complex=True
    )
    power = spectrum.abs().square()
    stretch = -(-power.shape[1] // MAX_COLUMNS)
    power = torch.nn.functional.max_pool1d(power, stretch, ceil_mode=True)
    level = 10 * power.clamp(min=1e-12).log10()
    panel.imshow(
        (level - level.max()).numpy(),
        origin="lower",
        aspect="auto",
        interpolation="none",
        cmap="magma",
        vmin=-DYNAMIC_DB,
        vmax=0.0,
        extent=(0, len(signal) / sample_rate, 0, sample_rate / 2000),
    )
    panel.set_ylabel("kHz")
    panel.locator_params(axis="y", nbins=4, integer=True)
    panel.spines[["top", "right"]].set_visible(False)
