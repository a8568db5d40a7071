"""Self-attention that knows how far apart two frames are."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Bool, Float, Int
from seldkit.layers.dot_product import attend
from seldkit.layers.positions import sinusoids

RelativePositions = Literal["exact", "shift", "shaw"]
AttentionScale = Literal["head", "model"]


class RelativePositionAttention(Shown):
    r"""Multi-head self-attention with relative positions.

    In each head, the query $q_i$ of frame $i$ scores the key $k_j$ of frame $j$ with

    $$s_{ij} = \frac{(q_i + u)^\top k_j + (q_i + v)^\top W r_{i-j}}{\sqrt{d}},$$

    where $r_n$ are the [sinusoids][seldkit.layers.SinusoidalPositions] of the distance $n$, and
    the vectors $u$, $v$ and the matrix $W$ are learned. There are three schemes of positions:

    - `"exact"`, the formula above: a score depends on what the frames hold and on their distance.
    - `"shift"`, as the published code of the Conformers in PSELDNets and its relatives computes it,
      with sinusoids of $0 \dots T-1$ alone for $T$ frames. A frame sees itself and the past as
      $r_{T-1-(i-j)}$, which depends on $T$; the next frame ($j = i + 1$) has no position term; and
      for the later ones the term is that of the next query, $(q_{i+1} + v)^\top W r_{j-i-2}$.
      Published weights need this, with `scale="model"`.
    - `"shaw"`, a learned vector for each distance in place of the sinusoids, $s_{ij} =
      q_i^\top (k_j + e_{i-j}) / \sqrt{d}$; distances beyond `max_distance` count as that far.

    Source: Dai et al., "Transformer-XL: attentive language models beyond a fixed-length context",
    ACL 2019, section 3.3; Gulati et al., "Conformer: convolution-augmented transformer for speech
    recognition", Interspeech 2020, section 2.1; Shaw et al., "Self-attention with relative position
    representations", NAACL 2018, section 3.

    Shape:
        - Input: `(batch, time, channel)`, any number of frames.
        - Output: the same.

    Args:
        channels: Number of channels, a multiple of `num_heads`; even where there are sinusoids.
        num_heads: Number of heads.
        dropout: Probability that an attention weight is dropped.
        positions: Scheme of the positions, see above.
        scale: $d$ of the formula: channels of a head, or of the model as in published weights.
        max_distance: Largest distance that `"shaw"` tells from others, in frames.
        qkv_bias: Whether the projections to queries, keys and values have a bias.

    Attributes:
        content_bias: $u$, `[head, channel]`; not in `"shaw"`.
        position_bias: $v$, likewise.

    Examples:
        >>> RelativePositionAttention(32, num_heads=4)(torch.zeros(2, 25, 32)).shape
        torch.Size([2, 25, 32])
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        *,
        num_heads: int = 4,
        dropout: float = 0.0,
        positions: RelativePositions = "exact",
        scale: AttentionScale = "head",
        max_distance: int = 512,
        qkv_bias: bool = True,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if channels % num_heads:
            raise ValueError(f"channels must be a multiple of {num_heads} heads, got {channels}")
        if channels % 2 and positions != "shaw":
            raise ValueError(f"channels must be even where there are sinusoids, got {channels}")
        self.channels, self.num_heads, self.dropout = channels, num_heads, dropout
        self.positions, self.scale = positions, scale
        self.max_distance, self.qkv_bias = max_distance, qkv_bias
        head_channels = channels // num_heads

        def projection(bias: bool) -> nn.Linear:
            return nn.Linear(channels, channels, bias=bias, device=device, dtype=dtype)

        self.query, self.key, self.value = (projection(qkv_bias) for _ in range(3))
        self.output = projection(True)
        if positions == "shaw":
            self.distance = nn.Embedding(
                2 * max_distance + 1, head_channels, device=device, dtype=dtype
            )
        else:
            self.position = projection(False)
            biases = torch.empty(2, num_heads, head_channels, device=device, dtype=dtype)
            self.content_bias, self.position_bias = (nn.Parameter(b.clone()) for b in biases)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights from Xavier's uniform law, embeddings from N(0, 1); zero the biases."""
        for module in self.children():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        if self.positions == "shaw":
            self.distance.reset_parameters()
        else:
            nn.init.xavier_uniform_(self.content_bias)
            nn.init.xavier_uniform_(self.position_bias)

    def forward(
        self,
        x: Float[Tensor, "batch time channel"],
        padding: Bool[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, "batch time channel"]:
        """Return the sequence after attention; no frame attends to where `padding` is true.

        Frames that are padding, all before or all behind the others, change nothing in these.
        """
        check_shape("x", x, "batch time+ channel", channel=self.channels)
        query, key, value = (self._split(layer(x)) for layer in (self.query, self.key, self.value))
        scale = self._factor
        if padding is not None:
            check_shape("padding", padding, "batch time", batch=x.shape[0], time=x.shape[1])
        bias = scale * self._position_scores(query, padding)
        if (unseen := self._unseen(x, padding)) is not None:
            bias = masked(bias, unseen)
        if self.positions != "shaw":
            query = query + self.content_bias.unsqueeze(1)
        dropout = self.dropout if self.training else 0.0
        attended = attend(query, key, value, bias, dropout=dropout, scale=scale)
        output: Tensor = self.output(attended.transpose(1, 2).flatten(2))
        return output

    @property
    def _factor(self) -> float:
        """What scores are multiplied with."""
        width = self.channels if self.scale == "model" else self.channels // self.num_heads
        return float(width**-0.5)

    def _unseen(
        self, x: Float[Tensor, "batch time channel"], padding: Bool[Tensor, "batch time"] | None
    ) -> Bool[Tensor, "#batch 1 #time other"] | None:
        """Return which frames no frame attends to, or which of them each does not."""
        return None if padding is None else padding[:, None, None]

    def _split(
        self, x: Float[Tensor, "*batch time channel"]
    ) -> Float[Tensor, "*batch head time c"]:
        """Return the channels of each head."""
        heads: Tensor = x.unflatten(-1, (self.num_heads, -1))
        return heads.transpose(-3, -2)

    def _position_scores(
        self, query: Float[Tensor, "batch head time c"], padding: Bool[Tensor, "batch time"] | None
    ) -> Float[Tensor, "batch head time time"]:
        """Return the position term of each pair of frames, before scaling."""
        time = query.shape[2]
        first, stop, step = (0, time, 1) if self.positions == "shift" else (time - 1, -time, -1)
        place = torch.arange(first, stop, step, device=query.device)
        scores = self._distance_scores(query, place)
        shifted = _shift(scores)
        if padding is None or self.positions != "shift":
            return shifted
        return _of_own_length(scores, shifted, padding)

    def _distance_scores(
        self, query: Float[Tensor, "batch head time c"], distance: Int[Tensor, " place"]
    ) -> Float[Tensor, "batch head time place"]:
        """Return the position term of each frame for some distances, before scaling."""
        if self.positions == "shaw":
            near = distance.clamp(-self.max_distance, self.max_distance)
            of_shaw: Tensor = query @ self.distance(near + self.max_distance).mT
            return of_shaw
        precise = torch.promote_types(query.dtype, torch.float32)  # bf16 cannot count frames
        table = sinusoids(distance.to(precise), self.channels).to(query.dtype)
        query = query + self.position_bias.unsqueeze(1)
        scores: Tensor = query @ self._split(self.position(table)).mT
        return scores


def masked(
    bias: Float[Tensor, "*batch time other"], unseen: Bool[Tensor, "*batch_1 #time other"]
) -> Float[Tensor, "*batch time other"]:
    """Return scores that are as low as can be where a frame is not attended to."""
    # Not -inf, which makes nan of an item that is padding alone.
    return bias.masked_fill(unseen, torch.finfo(bias.dtype).min / 2)


def _of_own_length(
    scores: Float[Tensor, "batch head time place"],
    shifted: Float[Tensor, "batch head time time"],
    padding: Bool[Tensor, "batch time"],
) -> Float[Tensor, "batch head time time"]:
    """Return shifted scores whose past is counted from the frames that are not padding.

    The position of a past frame in the scheme `"shift"` depends on how many frames there are.
    """
    time = scores.shape[2]
    frame = torch.arange(time, device=scores.device)
    behind = frame - frame[:, None]  # j - i: not positive in the past
    length = padding.logical_not().sum(dim=1)[:, None, None]
    place = (length - 1 + behind).clamp(0, time - 1).unsqueeze(1)
    past = scores.gather(3, place.expand(-1, scores.shape[1], -1, -1))
    return torch.where(behind <= 0, past, shifted)


def _shift(scores: Float[Tensor, "*batch time place"]) -> Float[Tensor, "*batch time time"]:
    """Move row i of n to the left by n - 1 - i, so that its columns become frames.

    Scores of the distances n - 1 down to 1 - n come to stand at distance i - j. Rows of n scores
    are too short for this: a zero and the next row follow, as in the published code.
    """
    time, width = scores.shape[-2:]
    rows = functional.pad(scores, (1, 0)).flatten(-2)[..., time:]
    shifted: Tensor = rows.unflatten(-1, (time, width))
    return shifted[..., :time]
