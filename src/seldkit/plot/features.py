"""What a network reads: a panel for each channel of features."""

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from seldkit._checks import check_finite, check_shape
from seldkit._typing import Float
from seldkit.plot.canvas import figure_of, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 4
"""So many panels stand beside each other in a figure of one's own."""
LEVEL_QUANTILE = 0.02
"""Levels below those of this share of the bins are as dark as it gets."""


class Meaning(Protocol):
    """What a channel means, such as a `ChannelMeaning`."""

    @property
    def bins(self) -> str:
        """What its bins are."""
        ...

    @property
    def per_db(self) -> float | None:
        """By how much its values rise with each decibel of level; 0 for what tells directions."""
        ...


class Extractor(Protocol):
    """What made the features, such as a `FeatureExtractor`."""

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        ...

    @property
    def meanings(self) -> Sequence[Meaning]:
        """What each channel means."""
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
    panels = _panels(axes, count)
    seconds = values.shape[1] / (1.0 if extractor is None else extractor.frame_rate)
    looks = {kind: _look(values[[k == kind for k in kinds]], kind[1]) for kind in set(kinds)}
    images = {}
    for number, (panel, kind) in enumerate(zip(panels, kinds, strict=True)):
        extent = (0, seconds, 0, values.shape[2])
        images[kind] = panel.imshow(
            values[number].T,
            origin="lower",
            aspect="auto",
            interpolation="none",
            extent=extent,
            **looks[kind],
        )
        name = str(number) if names is None else names[number]
        panel.set_title(name, loc="left", fontsize="small")
        panel.set_xlabel("frame" if extractor is None else "time (s)")
        panel.set_ylabel(kind[0])
        panel.tick_params(labelsize="x-small")
        panel.label_outer()
    figure = figure_of(panels[0])
    for kind, image in images.items():
        last = max(number for number in range(count) if kinds[number] == kind)
        figure.colorbar(image, ax=panels[last]).ax.tick_params(labelsize="x-small")
    if title is not None:
        figure.suptitle(title, fontsize="medium")
    return figure


def _kinds(values: NDArray[np.float64], extractor: Extractor | None) -> list[tuple[str, bool]]:
    """Return what the bins of each channel are, and whether its values go to both sides of zero."""
    if extractor is None:
        return [("bin", bool((x < 0).any() and (x > 0).any())) for x in values]
    words = {"frequency": "frequency bin"}
    return [(words.get(m.bins, m.bins), m.per_db == 0) for m in extractor.meanings]


def _look(values: NDArray[np.float64], both_sides: bool) -> dict[str, Any]:
    """Return the colours of channels of one kind, and their range."""
    if both_sides:
        limit = float(np.quantile(np.abs(values), 0.995)) or 1.0
        return {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    return {"cmap": "magma", "vmin": float(np.quantile(values, LEVEL_QUANTILE))}


def _panels(axes: "Sequence[Axes] | None", count: int) -> "list[Axes]":
    if axes is not None:
        given: list[Axes] = np.asarray(axes, dtype=object).ravel().tolist()
        if len(given) != count:
            raise ValueError(f"axes must be {count}, one for each channel, got {len(given)}")
        return given
    columns = min(COLUMNS, count)
    rows = ceil(count / columns)
    figure = new_figure(1.0 + 2.2 * columns, 0.5 + 1.7 * rows)
    return [figure.add_subplot(rows, columns, number + 1) for number in range(count)]
