"""How many frames a network makes of a window, which must be as many as there are labels."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from seldkit._checks import whole_number
from seldkit.outputs import SELDOutput

TELLING = 20
"""Label frames of a window from which on one frame too many cannot be another rate."""


class Frames(NamedTuple):
    """Windows in label frames.

    Attributes:
        window: Label frames of a window.
        hop: Label frames from one window to the next.
        samples: Samples of a label frame.
    """

    window: int
    hop: int
    samples: int

    @classmethod
    def of(cls, window_s: float, hop_s: float, label_rate: float, sample_rate: int) -> "Frames":
        """Return windows that are given in seconds; `ValueError` if they are no whole frames."""
        return cls(
            whole_number("window_s * label_rate", window_s * label_rate),
            whole_number("hop_s * label_rate", hop_s * label_rate),
            whole_number("sample_rate / label_rate", sample_rate / label_rate),
        )


def tensors(output: SELDOutput | Tensor) -> list[Tensor]:
    """Return the tensors of an output."""
    fields = [output] if isinstance(output, Tensor) else output
    return [x for x in fields if x is not None]


def check_frames(
    output: SELDOutput | Tensor, batch: int, window: int, *, frame_rate: float, label_rate: float
) -> None:
    """Raise `ValueError` unless an output has as many frames as its window has labels.

    One more is natural: a transform whose frames are centred has one at either end.

    Args:
        output: Of a batch of windows.
        batch: Windows in it.
        window: Label frames of each.
        frame_rate: Feature frames per second.
        label_rate: Label frames per second.
    """
    for x in tensors(output):
        if x.ndim < 2 or x.shape[0] != batch:
            raise ValueError(
                f"model must return (batch={batch}, time, ...), got shape {tuple(x.shape)}"
            )
        got = x.shape[1]
        if not window <= got <= window + 1:
            seconds = window / label_rate
            raise ValueError(
                f"model must return {window} frames for a window, got {got}: of {seconds:g} s the"
                f" extractor makes {frame_rate:g} feature frames per second and the model about"
                f" {got / seconds:.4g} output frames per second, but label_rate is {label_rate:g};"
                " take a network that pools to that rate, or say its own"
            )


def check_rate(
    run: Callable[[int], SELDOutput | Tensor],
    window: int,
    output: SELDOutput | Tensor | None,
    **rates: float,
) -> None:
    """Raise `ValueError` if a network makes frames of another rate than the labels'.

    Of a window of few frames one too many may be half of them; a longer one decides.

    Args:
        run: Returns the output of one window of so many label frames.
        window: Label frames of a whole window.
        output: That of whole windows if it is there already.
        rates: The `frame_rate` and the `label_rate`.
    """
    if output is None:
        output = run(window)
        check_frames(output, 1, window, **rates)
    if window < TELLING and tensors(output)[0].shape[1] > window:
        check_frames(run(TELLING), 1, TELLING, **rates)
