"""A small network that matches rows to columns as the Hungarian method does, and has a gradient."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from seldkit._checks import check_floating
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.layers.dot_product import attend
from seldkit.layers.gru import GatedRecurrentUnit


class HungarianOutput(NamedTuple):
    """What a [`HungarianNet`][seldkit.layers.HungarianNet] says, all as logits.

    Attributes:
        logits: That row and column are matched, `(..., row, col)`.
        rows: That a row is matched at all, `(..., row)`: the largest logit of the row.
        cols: That a column is matched at all, `(..., col)`: the largest logit of the column.
    """

    logits: Tensor
    rows: Tensor
    cols: Tensor


class HungarianNet(Shown):
    r"""Distances of tracks in, logits of who belongs to whom out.

    The rows of a matrix of distances are read one after the other by a GRU. Each of its states
    attends to those of all rows by $\operatorname{softmax}(Q K^\top) V$, one head without scale,
    bias or residual; a tanh and a linear layer make a logit for each column. Trained on made
    matrices and frozen, it lets a network that estimates directions be trained by what a tracker
    would say: [`dmot_loss`][seldkit.losses.dmot_loss]. A function that does the same without
    training is [`sinkhorn_assignment`][seldkit.assignment.sinkhorn_assignment].

    Since the rows come in turn, permuted rows need not give permuted logits; training on shuffled
    rows brings it near. The loss is [`association_loss`][seldkit.losses.association_loss], the data
    [`assignment_examples`][seldkit.synth.assignment_examples].

    Source: Adavanne et al., "Differentiable tracking-based training of deep learning sound source
    localizers", WASPAA 2021. Layers and sizes are those of its published code.

    Shape:
        - Input: distances `(..., row, col)` with as many columns as tracks; any number of rows will
          do, but it has learned of as many.
        - Output: [`HungarianOutput`][seldkit.layers.HungarianOutput].

    Args:
        num_tracks: Number of columns.
        channels: Channels of the GRU and of the attention.

    Examples:
        >>> network = HungarianNet()
        >>> sum(p.numel() for p in network.parameters())
        100098
        >>> network.associate(torch.rand(8, 50, 2, 2)).shape  # batch time row col
        torch.Size([8, 50, 2, 2])
    """

    @plain_settings()
    def __init__(
        self,
        num_tracks: int = 2,
        *,
        channels: int = 128,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.num_tracks, self.channels = num_tracks, channels
        self.gru = GatedRecurrentUnit(
            num_tracks, channels, bidirectional=False, device=device, dtype=dtype
        )

        def projection() -> nn.Linear:
            return nn.Linear(channels, channels, bias=False, device=device, dtype=dtype)

        self.query, self.key, self.value = projection(), projection(), projection()
        self.output = nn.Linear(channels, num_tracks, device=device, dtype=dtype)
        self._shrink()

    def reset_parameters(self) -> None:
        """Draw all parameters anew as torch draws them, those that meet large numbers smaller."""
        for layer in (self.gru, self.query, self.key, self.value, self.output):
            layer.reset_parameters()
        self._shrink()

    def forward(self, distance: Float[Tensor, "*batch row col"]) -> HungarianOutput:
        """Return the logits of pairs, rows and columns.

        Raises:
            TypeError: If the distances are no floats.
            ValueError: If there are not as many columns as tracks, or no rows.
        """
        check_floating(distance=distance)
        shape = tuple(distance.shape)
        if len(shape) < 2 or shape[-1] != self.num_tracks or not shape[-2]:
            raise ValueError(
                f"distance must be (..., row, col={self.num_tracks}) with rows, got shape {shape}"
            )
        states = self.gru(distance.reshape(-1, *shape[-2:])).unsqueeze(1)  # one head
        attended = attend(self.query(states), self.key(states), self.value(states), scale=1.0)
        logits: Tensor = self.output(attended.tanh()).reshape(shape)
        return HungarianOutput(logits, logits.amax(dim=-1), logits.amax(dim=-2))

    @torch.no_grad()
    def _shrink(self) -> None:
        """Begin with gates and attention that are not saturated by what is absent, and so far off.

        That is our choice, as are the numbers: short trainings come further by them.
        """
        self.gru.get_parameter("weight_ih_l0").mul_(0.2)
        self.query.weight.mul_(0.3)
        self.key.weight.mul_(0.3)

    def associate(
        self, distance: Float[Tensor, "*batch row col"]
    ) -> Float[Tensor, "*batch row col"]:
        """Return the probability that row and column are matched: a table for `dmot_loss`."""
        return self(distance).logits.sigmoid()  # type: ignore[no-any-return]
