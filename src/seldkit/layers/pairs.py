"""Pairs of microphones: where they are as numbers, and one encoder for any number of them."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from seldkit._checks import check_shape
from seldkit._pairs import check_pairs
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float

PairForm = Literal["both", "difference", "direction", "number"]
Aggregate = Literal["sum", "mean"]

_ENTRIES: dict[PairForm, int] = {"both": 6, "difference": 3, "direction": 4, "number": 1}


class MicPairMetadata(Shown):
    """Where the two microphones of each pair are, as numbers that a network reads.

    Source: Grinstein et al., "The Neural-SRP method for universal robust multi-source tracking",
    IEEE OJSP 5, 2024, and its code, with its units; the published default is `"both"`.

    Shape:
        - Input: positions of the microphones in metres, `(batch, channel, axis)`.
        - Output: `(batch, pair, num_entries)`.

    Args:
        form: `"both"` positions in centimetres, the first one's x, y, z, then the second one's; the
            `"difference"` of the first from the second in metres; the `"direction"` of that as a
            unit vector, then its length in metres; or the pair's `"number"`, from 0.
        pairs: Pairs of channels; by default every pair with `m < n`.

    Attributes:
        num_entries: How many numbers there are for a pair: 6, 3, 4 or 1.

    Raises:
        ValueError: If there is no pair, or one does not join two different channels.

    Examples:
        >>> microphones = torch.tensor([[[0.1, 0.0, 0.0], [-0.1, 0.0, 0.0]]])
        >>> MicPairMetadata()(microphones)
        tensor([[[ 10.,   0.,   0., -10.,   0.,   0.]]])
        >>> MicPairMetadata("direction")(microphones)
        tensor([[[1.0000, 0.0000, 0.0000, 0.2000]]])
    """

    @plain_settings(from_zero=["pairs"])
    def __init__(
        self, form: PairForm = "both", *, pairs: Sequence[Sequence[int]] | None = None
    ) -> None:
        super().__init__()
        check_pairs(pairs)
        self.form, self.pairs = form, pairs
        self.num_entries = _ENTRIES[form]

    def forward(
        self, microphones: Float[Tensor, "batch channel axis=3"]
    ) -> Float[Tensor, "batch pair entry"]:
        """Return the numbers of each pair."""
        check_shape("microphones", microphones, "batch channel axis", axis=3)
        count, most = microphones.shape[1], max(map(max, self.pairs or [(0, 1)]))
        if most >= count:
            raise ValueError(
                f"microphones must be at least {most + 1} for these pairs, got {count}"
            )
        if self.pairs is None:
            first, second = torch.triu_indices(count, count, offset=1, device=microphones.device)
        else:
            first, second = torch.tensor(self.pairs, device=microphones.device).T
        if self.form == "number":
            number = torch.arange(len(first), device=microphones.device).to(microphones.dtype)
            return number.unsqueeze(1).expand(len(microphones), -1, -1)
        places = microphones[:, first], microphones[:, second]
        if self.form == "both":
            return 100 * torch.cat(places, dim=2)
        apart = places[0] - places[1]
        if self.form == "difference":
            return apart
        length = torch.linalg.vector_norm(apart, dim=2, keepdim=True)
        return torch.cat((apart / length, length), dim=2)


class PairEncoder(Shown):
    """One encoder that reads each pair of microphones by itself, and the sum of what it finds.

    All pairs share its weights, and where the microphones of a pair are is joined to what the
    encoder makes of their correlation. So it reads arrays of any number of microphones in any
    places, and the order of the pairs makes no difference.

    Source: Grinstein et al., "The Neural-SRP method for universal robust multi-source tracking",
    IEEE OJSP 5, 2024. The published network sums; a mean does not grow with the number of pairs and
    is our addition.

    Shape:
        - Inputs: correlations `(batch, pair, time, lag)`, and numbers of each pair
          `(batch, pair, entry)`; any number of pairs.
        - Output: `(batch, step, out_channels)`.

    Args:
        encoder: From `(batch, channel=1, time, lag)` to `(batch, step, channel)`.
        joint: From `(batch, step, channel + entry)` to `(batch, step, out_channels)`.
        aggregate: How pairs become one: their `"sum"` or `"mean"`.

    Examples:
        >>> encoder = nn.Sequential(nn.Flatten(1, 2), nn.Linear(64, 8))
        >>> pairs = PairEncoder(encoder, nn.Linear(8 + 6, 16))
        >>> pairs(torch.randn(2, 3, 10, 64), torch.randn(2, 3, 6)).shape
        torch.Size([2, 10, 16])
    """

    @plain_settings()
    def __init__(
        self, encoder: nn.Module, joint: nn.Module, *, aggregate: Aggregate = "sum"
    ) -> None:
        super().__init__()
        self.encoder, self.joint, self.aggregate = encoder, joint, aggregate

    def forward(
        self,
        x: Float[Tensor, "batch pair time lag"],
        metadata: Float[Tensor, "batch pair entry"],
    ) -> Float[Tensor, "batch step out"]:
        """Return what all pairs say together."""
        check_shape("x", x, "batch pair time lag")
        batch, pairs = x.shape[:2]
        if not pairs:
            raise ValueError(f"x must have at least one pair, got shape {tuple(x.shape)}")
        check_shape("metadata", metadata, "batch pair entry", batch=batch, pair=pairs)
        read: Tensor = self.encoder(x.flatten(0, 1).unsqueeze(1))
        told = metadata.to(read.dtype).flatten(0, 1).unsqueeze(1).expand(-1, read.shape[1], -1)
        each = self.joint(torch.cat((read, told), dim=2)).unflatten(0, (batch, pairs))
        together: Tensor = each.sum(dim=1) if self.aggregate == "sum" else each.mean(dim=1)
        return together
