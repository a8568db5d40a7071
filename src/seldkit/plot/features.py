"""What a network reads: a panel for each channel of features."""

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from seldkit._checks import check_finite, check_shape
from seldkit._typing import Float, WithMeanings
from seldkit.plot.canvas import figure_of, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 4
"""So many panels stand beside each other in a figure of one's own."""
LEVEL_QUANTILE = 0.02
"""Levels below those of this share of the bins are as dark as it gets."""


IMAGE: dict[str, Any] = {"origin": "lower", "aspect": "auto", "interpolation": "none"}
"""How matplotlib draws values as they are."""


class _Kind(NamedTuple):
    """Channels of one scale: what their bins are, and whether zero is in the middle."""

    bins: str
    both_sides: bool


@runtime_checkable
class Extractor(WithMeanings, Protocol):
    """What made the features, such as a `FeatureExtractor`."""

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        ...


def plot_features(
    features: Float[Tensor, "channel time freq"],
    extractor: Extractor | None = None,
    *,
    names: Sequence[str] | None = None,
    title: str | None = None,
    axes: "Sequence[Axes] | None" = None,
) -> "Figure":
    """Draw each channel of features as a picture over time.

    Levels go from dark to light. What tells a direction is blue below and red above zero, which is
    as pale as the page of a book: intensity, phases and correlations. All channels of one kind have
    one scale, which the bar beside the last of them explains.

    Args:
        features: Of one clip, `(channel, time, freq)`.
        extractor: What made them: it tells seconds, and what the channels mean. Without it time is
            in frames, and channels of which no value is below zero, or none above, are levels.
        names: Of the channels; by default their numbers.
        title: Heading of the picture.
        axes: As many axes to draw on as there are channels; by default those of a new figure.

    Raises:
        ModuleNotFoundError: If matplotlib is not installed.
        TypeError: If `names` is one text.
        ValueError: If features have another shape, are empty or not finite, the extractor makes
            another number of channels or does not say what they mean, or there is another number
            of names or axes.

    Examples:
        >>> import torch
        >>> from seldkit.features import presets
        >>> extractor = presets.ein_seld()
        >>> figure = plot_features(extractor(torch.randn(1, 4, 24000))[0], extractor)
        >>> [axes.get_title("left") for axes in figure.axes[:7]]
        ['0', '1', '2', '3', '4', '5', '6']
    """
    check_shape("features", features, "channel time freq")
    check_finite("features", features)
    if not features.numel():
        raise ValueError(f"features must hold values, got shape {tuple(features.shape)}")
    if isinstance(names, str):
        raise TypeError(f"names must be a list of names, got the text {names!r}")
    values: NDArray[np.float64] = features.detach().cpu().double().numpy()
    count = len(values)
    kinds = _kinds(values, extractor)
    for name, given in (("names", names), ("extractor.meanings", kinds)):
        if given is not None and len(given) != count:
            raise ValueError(f"{name} must be {count}, one for each channel, got {len(given)}")
    panels, bars = _panels(axes, kinds)
    seconds = values.shape[1] / (1.0 if extractor is None else extractor.frame_rate)
    extent = (0.0, seconds, 0.0, float(values.shape[2]))
    for kind in dict.fromkeys(kinds):
        numbers = [number for number in range(count) if kinds[number] == kind]
        look = _look(values[numbers], kind.both_sides)
        for number in numbers:
            panel, name = panels[number], str(number) if names is None else names[number]
            image = panel.imshow(values[number].T, extent=extent, **IMAGE, **look)
            panel.set_title(name, loc="left", fontsize="small")
            panel.set_xlabel("frame" if extractor is None else "time (s)", fontsize="small")
            panel.set_ylabel(kind.bins, fontsize="small")
            panel.tick_params(labelsize="x-small")
        place: dict[str, Any] = {
            "ax": [panels[number] for number in numbers],
            "cax": bars.get(kind),
        }
        bar = figure_of(panels[0]).colorbar(image, **place)
        bar.ax.tick_params(labelsize="x-small")
    if title is not None:
        figure_of(panels[0]).suptitle(title, fontsize="medium")
    return figure_of(panels[0])


def _kinds(values: NDArray[np.float64], extractor: Extractor | None) -> list[_Kind]:
    if extractor is None:
        return [_Kind("bin", bool((x < 0).any() and (x > 0).any())) for x in values]
    words = {"frequency": "frequency bin"}
    return [_Kind(words.get(m.bins, m.bins), m.per_db == 0) for m in extractor.meanings]


def _look(values: NDArray[np.float64], both_sides: bool) -> dict[str, Any]:
    """Return the colours of channels of one kind, and their range."""
    if both_sides:
        limit = float(np.quantile(np.abs(values), 0.995)) or 1.0
        return {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    low = float(np.quantile(values, LEVEL_QUANTILE))
    return {"cmap": "magma", "vmin": low, "vmax": float(values.max())}


def _panels(
    axes: "Sequence[Axes] | None", kinds: Sequence[_Kind]
) -> "tuple[list[Axes], dict[_Kind, Axes]]":
    """Return axes for each channel, and for the bars of a figure of one's own.

    In that each kind begins a row, at the end of which its bar stands.
    """
    count = len(kinds)
    if axes is not None:
        given: list[Axes] = np.asarray(axes, dtype=object).ravel().tolist()
        if len(given) != count:
            raise ValueError(f"axes must be {count}, one for each channel, got {len(given)}")
        return given, {}
    columns = min(COLUMNS, max(Counter(kinds).values()))
    rows = {kind: ceil(number / columns) for kind, number in Counter(kinds).items()}
    height = sum(rows.values())
    figure = new_figure(1.4 + 2.2 * columns, 0.3 + 1.8 * height)
    grid = figure.add_gridspec(height, columns + 1, width_ratios=[*[1.0] * columns, 0.06])
    starts = dict(zip(rows, accumulate(rows.values(), initial=0), strict=False))
    panels = []
    for number, kind in enumerate(kinds):
        row, column = divmod(kinds[:number].count(kind), columns)
        panels.append(figure.add_subplot(grid[starts[kind] + row, column]))
    bars = {
        kind: figure.add_subplot(grid[start : start + rows[kind], columns])
        for kind, start in starts.items()
    }
    return panels, bars
