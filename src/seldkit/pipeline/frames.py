"""How many frames a network makes of a window, which must be as many as there are labels."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from seldkit._checks import check_positive, whole_number
from seldkit.outputs import SELDOutput

CLIP_S = 4.0
"""Length of a clip that stands for any other where there are no windows, in seconds."""

TELLING = 20
"""Label frames of a window from which on one frame too many cannot be another rate."""


class Frames(NamedTuple):
    """Windows in label frames.

    Attributes:
        window: Label frames of a window; None where a clip is one window.
        hop: Label frames from one window to the next.
        samples: Samples of a label frame.
    """

    window: int | None
    hop: int | None
    samples: int

    @classmethod
    def of(
        cls, window_s: float | None, hop_s: float | None, label_rate: float, sample_rate: int
    ) -> "Frames":
        """Return windows that are given in seconds, and none where there are none.

        Raises:
            ValueError: If they are no whole frames, a hop exceeds the window or has none.
        """
        samples = whole_number("sample_rate / label_rate", sample_rate / label_rate)
        if window_s is None:
            if hop_s is not None:
                raise ValueError(f"hop_s must be None where window_s is, got {hop_s:g}")
            return cls(None, None, samples)
        check_positive(window_s=window_s)
        window = whole_number("window_s * label_rate", window_s * label_rate)
        if hop_s is None:
            return cls(window, max(window // 2, 1), samples)
        check_positive(hop_s=hop_s)
        if hop_s > window_s:
            raise ValueError(f"hop_s must be at most window_s={window_s:g}, got {hop_s:g}")
        return cls(window, whole_number("hop_s * label_rate", hop_s * label_rate), samples)

    def of_clip(self, length: int) -> tuple[int, int]:
        """Return the window and the hop for a clip of so many label frames."""
        window = length if self.window is None else min(self.window, length)
        return window, window if self.hop is None else min(self.hop, window)


def tensors(output: SELDOutput | Tensor) -> list[Tensor]:
    """Return the tensors of an output."""
    fields = [output] if isinstance(output, Tensor) else output
    return [x for x in fields if x is not None]


class Pace(NamedTuple):
    """What tells whether a network makes one frame for each label frame.

    Attributes:
        frame_rate: Feature frames per second.
        label_rate: Label frames per second.
        window: Label frames of a whole window.
        run: Returns the output of one window of so many label frames.
    """

    frame_rate: float
    label_rate: float
    window: int
    run: Callable[[int], SELDOutput | Tensor]

    def check(self, output: SELDOutput | Tensor, batch: int, window: int) -> None:
        """Raise `ValueError` unless an output has as many frames as its window has labels.

        One more is natural: a transform whose frames are centred has one at either end.

        Args:
            output: Of a batch of windows.
            batch: Windows in it.
            window: Label frames of each.
        """
        for x in tensors(output):
            if x.ndim < 2 or x.shape[0] != batch:
                raise ValueError(
                    f"model must return (batch={batch}, time, ...), got shape {tuple(x.shape)}"
                )
            if not window <= x.shape[1] <= window + 1:
                raise ValueError(
                    f"model must return {window} frames for a window, got {x.shape[1]}: the"
                    f" extractor makes {self.frame_rate:g} feature frames per second and the model"
                    f" about {self._output_rate():.4g} output frames per second, but label_rate is"
                    f" {self.label_rate:g}; take a network that pools to that rate, or say its own"
                )

    def check_whole(self, output: SELDOutput | Tensor | None) -> None:
        """Raise `ValueError` if a network makes frames of another rate than the labels'.

        Of a window of few frames one too many may be half of them; a longer one decides.

        Args:
            output: That of whole windows, or None to run one.
        """
        if output is None:
            output = self.run(self.window)
            self.check(output, 1, self.window)
        if self.window < TELLING and tensors(output)[0].shape[1] > self.window:
            self.check(self.run(TELLING), 1, TELLING)

    def _output_rate(self) -> float:
        """Return how many frames per second the network makes of a whole window."""
        return tensors(self.run(self.window))[0].shape[1] * self.label_rate / self.window
