"""Scores of every event that there could be: each start and each duration."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float, Int


class DenseEventProposal(Shown):
    r"""Maps over start and duration, in each place what would be heard of such an event.

    For an event that begins at frame $s$ and lasts $d$ frames the sequence is read at $N$ points,
    evenly from one end to the other and some frames beyond, between frames by a straight line; each
    point has weights of its own, and the sum over the points passes two convolutions over the map.
    Weights come before points: so that the sum is one product with a sparse matrix, whose rows are
    the events and which has two entries for each point, and nothing larger than the map is held.

    An event that ends behind the sequence has a place in the map, but means nothing: see
    [`proposal_targets`][seldkit.models.proposal_targets].

    Experimental. The paper proposes dense events with two score maps; starts and durations, points
    and convolutions are those of boundary-matching networks, which it is read as.

    Source: after He et al., "SoundDet", ICML 2021; Lin et al., "BMN: boundary-matching network for
    temporal action proposal generation", ICCV 2019.

    Shape:
        - Input: `(batch, time, channel)`.
        - Output: `(batch, out_channels, duration=max_duration, start=time)`; place `[d, s]` is the
          event from frame `s` to `s + d`, both in it.

    Args:
        in_channels: Channels of the sequence.
        out_channels: Scores of each event.
        max_duration: Frames of the longest event.
        num_points: Points $N$ at which an event is read.
        hidden: Channels of the map between.
        context: How far the points go beyond each end, as a share of the duration.

    Examples:
        >>> DenseEventProposal(64, 13, max_duration=20)(torch.zeros(2, 50, 64)).shape
        torch.Size([2, 13, 20, 50])
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        max_duration: int,
        num_points: int = 16,
        hidden: int = 128,
        context: float = 0.25,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if context < 0:
            raise ValueError(f"context must be at least 0, got {context:g}")
        self.in_channels, self.out_channels = in_channels, out_channels
        self.max_duration, self.num_points = max_duration, num_points
        self.hidden, self.context = hidden, context
        self.points = nn.Linear(
            in_channels, num_points * hidden, bias=False, device=device, dtype=dtype
        )
        self.bias = nn.Parameter(torch.empty(hidden, device=device, dtype=dtype))
        self.conv = nn.Conv2d(hidden, hidden, 3, padding=1, device=device, dtype=dtype)
        self.output = nn.Conv2d(hidden, out_channels, 1, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weights as `nn.Linear` and `nn.Conv2d` do, those of the points for all of them."""
        self.conv.reset_parameters()
        self.output.reset_parameters()
        bound = (self.in_channels * self.num_points) ** -0.5
        nn.init.uniform_(self.points.weight, -bound, bound)
        nn.init.zeros_(self.bias)

    def forward(
        self, x: Float[Tensor, "batch time channel"]
    ) -> Float[Tensor, "batch out duration start"]:
        """Return the scores of every event."""
        check_shape("x", x, "batch time+ channel", channel=self.in_channels)
        batch, time, _ = x.shape
        weighted = self.points(x).unflatten(2, (self.num_points, self.hidden))
        table = weighted.permute(1, 2, 0, 3).flatten(0, 1).flatten(1)  # frame and point, item
        place, share = sample_points(
            time, self.max_duration, self.num_points, self.context, like=table
        )
        sums = functional.embedding_bag(place, table, per_sample_weights=share, mode="sum")
        maps = sums.unflatten(0, (self.max_duration, -1)).unflatten(2, (batch, self.hidden))
        maps = (maps.permute(2, 3, 0, 1) + self.bias[:, None, None]).relu()
        scores: Tensor = self.output(self.conv(maps).relu())
        return scores


def sample_points(
    time: int, max_duration: int, num_points: int, context: float, *, like: Tensor
) -> tuple[Int[Tensor, "event entry"], Float[Tensor, "event entry"]]:
    """Return the sparse matrix that reads every event at its points.

    Args:
        time: Frames of the sequence.
        max_duration: Frames of the longest event.
        num_points: Points of each.
        context: How far they go beyond each end, as a share of the duration.
        like: Gives device and type of the entries.

    Returns:
        The columns of the entries, `frame * num_points + point`, and the entries, of each event,
        durations first: two neighbouring frames for each point, whose shares sum to 1 within the
        sequence and are 0 outside.
    """
    start = torch.arange(time, device=like.device).reshape(1, -1, 1)
    length = torch.arange(1, max_duration + 1, device=like.device).reshape(-1, 1, 1)
    point = torch.arange(num_points, device=like.device)
    beyond = context * length
    along = (length - 1 + 2 * beyond) * (point / max(num_points - 1, 1)) - beyond
    if num_points == 1:
        along = (length - 1) / 2
    first = along.floor()
    share = along - first
    frame = start + torch.stack((first, first + 1), dim=-1).long().flatten(2)
    shares = torch.stack((1 - share, share), dim=-1).flatten(2)
    inside = (frame >= 0) & (frame < time)
    column = frame.clamp(0, time - 1) * num_points + point.repeat_interleave(2)
    return column.flatten(0, 1), (shares * inside).to(like.dtype).flatten(0, 1)
