"""From the steps of a network to the frames of the labels."""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_choice, check_positive
from seldkit._typing import Float

Filling = Literal["linear", "hold"]


class LabelRate(nn.Module):
    """Turn steps of some feature frames each into label frames of a number that need not fit.

    Every step is spread over its feature frames; the mean over the frames of a label is the label
    frame. The number of label frames follows the features, whatever the network padded or dropped:
    steps beyond are cut, and where they end too soon the last one goes on.

    Source: the published code of PSELDNets (Hu et al., IEEE TASLP 2025), which fills 32 frames a
    step linearly (HTS-AT) or holds each of 8 (CNN), for labels of 10 frames.

    Shape:
        - Inputs: `(batch, step, ...)`, and the number of feature frames.
        - Output: `(batch, num_frames // frames_per_label, ...)`.

    Args:
        frames_per_step: Feature frames of one step.
        frames_per_label: Feature frames of one label frame.
        filling: Between steps, `"linear"` draws a line from the middle of one to that of the next,
            `"hold"` keeps the value for the whole step.

    Examples:
        >>> import torch
        >>> steps = torch.tensor([[1.0, 2.0, 6.0]])
        >>> LabelRate(4, 3, filling="hold")(steps, num_frames=13)
        tensor([[1.0000, 1.6667, 3.3333, 6.0000]])
    """

    def __init__(
        self, frames_per_step: int, frames_per_label: int, *, filling: Filling = "linear"
    ) -> None:
        super().__init__()
        check_positive(frames_per_step=frames_per_step, frames_per_label=frames_per_label)
        check_choice("filling", filling, ("linear", "hold"))
        self.frames_per_step, self.frames_per_label = frames_per_step, frames_per_label
        self.filling = filling

    def forward(
        self, x: Float[Tensor, "batch step *rest"], num_frames: int
    ) -> Float[Tensor, "batch frame *rest"]:
        """Return the label frames of features of so many frames."""
        if x.ndim < 2 or x.shape[1] == 0:
            raise ValueError(f"x must be (batch, step, ...) with steps, got {tuple(x.shape)}")
        if num_frames < self.frames_per_label:
            raise ValueError(
                f"num_frames must be at least frames_per_label={self.frames_per_label},"
                f" got {num_frames}"
            )
        steps = x.flatten(2).mT if x.ndim > 2 else x.unsqueeze(1)
        mode = "linear" if self.filling == "linear" else "nearest"
        frames = functional.interpolate(steps, scale_factor=float(self.frames_per_step), mode=mode)
        wanted = num_frames - num_frames % self.frames_per_label
        lacking = max(wanted - frames.shape[2], 0)
        frames = functional.pad(frames, (0, lacking), mode="replicate")[..., :wanted]
        labels = functional.avg_pool1d(frames, self.frames_per_label).mT
        return labels.unflatten(2, x.shape[2:]) if x.ndim > 2 else labels.squeeze(2)

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return f"{self.frames_per_step}, {self.frames_per_label}, filling={self.filling!r}"
