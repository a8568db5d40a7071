"""How two tasks share a trunk: stitched, whole or not at all; and one encoder for each track."""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from seldkit._typing import Float

Sharing = Literal["soft", "hard", "none"]


class StitchedBranches(nn.Module):
    """Two stacks of stages with a stitch after the stages you say.

    Without stitches the branches share nothing; with a `CrossStitch` after some stages they learn
    how much to share (soft parameter sharing).

    Shape:
        - Inputs: what the first stage of each branch takes.
        - Outputs: what the last stage of each branch returns.

    Args:
        stages_a: Stages of the first branch.
        stages_b: Stages of the second branch, as many.
        stitches: From the number of a stage, counted from 0, to what mixes both branches after it.

    Raises:
        ValueError: If the branches differ in length or a stitch follows no stage.

    Examples:
        >>> from seldkit.layers import CrossStitch, DoubleConv
        >>> sed, doa = ([DoubleConv(n, 8), DoubleConv(8, 16)] for n in (4, 7))
        >>> branches = StitchedBranches(sed, doa, stitches={0: CrossStitch(8)})
        >>> a, b = branches(torch.zeros(1, 4, 10, 6), torch.zeros(1, 7, 10, 6))
        >>> a.shape, b.shape
        (torch.Size([1, 16, 10, 6]), torch.Size([1, 16, 10, 6]))
    """

    def __init__(
        self,
        stages_a: Sequence[nn.Module],
        stages_b: Sequence[nn.Module],
        stitches: Mapping[int, nn.Module] | None = None,
    ) -> None:
        super().__init__()
        stitches = {} if stitches is None else stitches
        if len(stages_a) != len(stages_b):
            raise ValueError(
                f"both branches must have as many stages, got {len(stages_a)} and {len(stages_b)}"
            )
        if not set(stitches) <= set(range(len(stages_a))):
            raise ValueError(
                f"stitches must follow stages 0..{len(stages_a) - 1}, got {sorted(stitches)}"
            )
        self.stages_a, self.stages_b = nn.ModuleList(stages_a), nn.ModuleList(stages_b)
        self.stitches = nn.ModuleDict({str(stage): stitches[stage] for stage in sorted(stitches)})

    def forward(
        self, a: Float[Tensor, "*axes_a"], b: Float[Tensor, "*axes_b"]
    ) -> tuple[Float[Tensor, "*out"], Float[Tensor, "*out"]]:
        """Return both branches after their last stage."""
        for i, (stage_a, stage_b) in enumerate(zip(self.stages_a, self.stages_b, strict=True)):
            a, b = stage_a(a), stage_b(b)
            if str(i) in self.stitches:
                a, b = self.stitches[str(i)](a, b)
        return a, b


class SharedBranch(nn.Module):
    """One stack of stages for both tasks (hard parameter sharing).

    It has the interface of [`StitchedBranches`][seldkit.layers.StitchedBranches] and reads the
    second input alone, which in SELD holds the channels of the first and more.

    Args:
        stages: The stages that both tasks share.
    """

    def __init__(self, stages: Sequence[nn.Module]) -> None:
        super().__init__()
        self.stages = nn.Sequential(*stages)

    def forward(
        self, a: Float[Tensor, "*axes_a"], b: Float[Tensor, "*axes_b"]
    ) -> tuple[Float[Tensor, "*out"], Float[Tensor, "*out"]]:
        """Return the last stage's output, once for each task."""
        shared = self.stages(b)
        return shared, shared


class TrackEncoders(nn.Module):
    """One encoder for each track, all reading the same sequence.

    Shape:
        - Input: `(batch, time, channel)`.
        - Output: `(batch, time, track, channel)`.

    Args:
        encoders: What makes one track's sequence of the shared one: one module for each track.

    Examples:
        >>> TrackEncoders([nn.Linear(8, 8) for _ in range(3)])(torch.zeros(1, 5, 8)).shape
        torch.Size([1, 5, 3, 8])
    """

    def __init__(self, encoders: Sequence[nn.Module]) -> None:
        super().__init__()
        if not encoders:
            raise ValueError("encoders must hold one module for each track, got none")
        self.encoders = nn.ModuleList(encoders)

    def forward(
        self, x: Float[Tensor, "batch time channel"]
    ) -> Float[Tensor, "batch time track channel"]:
        """Return the sequence of every track."""
        # In turn: as products batched over stacked weights they take as long on a CPU.
        return torch.stack([encoder(x) for encoder in self.encoders], dim=2)
