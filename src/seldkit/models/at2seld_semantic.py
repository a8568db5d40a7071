"""The side of AT2SELD that knows sounds: an audio tagger, what it reads and what is made of it."""

from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_positive, check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.backbones import TaggingBackbone, YAMNet
from seldkit.features import LogMel, presets
from seldkit.layers import LabelRate

# Power of noise in a bin of YAMNet (window 400 at 16 kHz) over that in one as wide of a window of
# 1024 at 32 kHz.
_YAMNET_GAIN = (400 * 16000) / (1024 * 32000)


class LevelToLogMel(Shown):
    """From the levels of linear bins to the log-mel that an audio tagger was trained on.

    The tagger needs no features of its own then: it reads one of the levels that a network for
    directions has anyway.

    Shape:
        - Input: decibels, `(batch, channel, time, freq)`; of linear bins there may be more than the
          bands reach, if their spacing is the same.
        - Output: `(batch, channel, time, mel)`.

    Args:
        log_mel: What makes log-mel of a power spectrum; it may have no `top_db`.
        gain: By what the power of the bins is multiplied, for a tagger that was trained on another
            window.

    Examples:
        >>> import torch
        >>> from seldkit.features import MelFilterBank
        >>> bank = MelFilterBank(64, n_fft=1024, sample_rate=32000)
        >>> LevelToLogMel(LogMel(bank))(torch.full((1, 1, 50, 513), -100.0)).unique()
        tensor([-100.])
    """

    @plain_settings()
    def __init__(self, log_mel: LogMel, *, gain: float = 1.0) -> None:
        super().__init__()
        check_positive(gain=gain)
        if log_mel.top_db is not None:
            raise ValueError(f"log_mel must have no top_db, got {log_mel.top_db}")
        self.log_mel, self.gain = log_mel, gain

    def forward(
        self, level: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time mel"]:
        """Return the log-mel of each channel."""
        check_shape("level", level, "batch channel time freq")
        # Half precision holds neither the power of silence nor that of loud sounds.
        wide = level.to(torch.promote_types(level.dtype, torch.float32))
        power = self.gain * 10 ** (wide[..., : self.log_mel.mel.weight.shape[0]] / 10)
        return self.log_mel.of_power(power).to(level.dtype)


class SemanticProjection(Shown):
    """From the map of an audio tagger to a sequence of label frames.

    The mean over frequency is taken, then to the maximum of each step and its neighbours their mean
    is added, as the tagger does before it decides ("decision-level max"); a linear layer and the
    rate of the labels follow.

    Shape:
        - Inputs: a map `(batch, in_channels, step, freq)`, and the number of feature frames that it
          was made of.
        - Output: `(batch, frame, out_channels)`.

    Args:
        in_channels: Channels of the map.
        out_channels: Channels of the sequence.
        rate: Makes label frames of steps.
        neighbours: Steps that are looked at before and after each; 0 for none.
    """

    @plain_settings(from_zero=["neighbours"])
    def __init__(
        self, in_channels: int, out_channels: int, *, rate: LabelRate, neighbours: int = 1
    ) -> None:
        super().__init__()
        self.in_channels, self.neighbours = in_channels, neighbours
        self.linear = nn.Linear(in_channels, out_channels)
        self.rate = rate

    def forward(
        self, x: Float[Tensor, "batch channel step freq"], num_frames: int
    ) -> Float[Tensor, "batch frame out"]:
        """Return the label frames of features of so many frames."""
        check_shape("x", x, "batch channel step+ freq+", channel=self.in_channels)
        steps, reach = x.mean(dim=3), self.neighbours
        if reach:
            # In two dimensions, since an export would fix the length in one.
            row, size, padding = steps.unsqueeze(2), (1, 2 * reach + 1), (0, reach)
            highest = functional.max_pool2d(row, size, stride=1, padding=padding)
            mean = functional.avg_pool2d(row, size, stride=1, padding=padding)
            steps = (highest + mean).squeeze(2)
        frames: Tensor = self.rate(self.linear(steps.mT), num_frames)
        return frames


def freeze(backbone: TaggingBackbone, frozen: bool | str) -> None:
    """Freeze an audio tagger of which the map is used, up to a part or whole.

    What classifies its map is never trained, since nothing depends on it.
    """
    names = [*backbone.parts()]
    if isinstance(frozen, str) and frozen not in names:
        raise ValueError(f"frozen must be True, False or one of {', '.join(names)}, got {frozen!r}")
    if frozen:
        backbone.freeze(frozen if isinstance(frozen, str) else None)
    for name, part in backbone.parts().items():
        if name in ("embedding", "classifier"):
            part.requires_grad_(False)


class _MelOfYAMNet(nn.Module):
    """From the level of YAMNet's bands to the natural logarithm that it was trained on."""

    def forward(
        self, level: Float[Tensor, "batch channel time mel"]
    ) -> Float[Tensor, "batch channel time mel"]:
        wide = level.to(torch.promote_types(level.dtype, torch.float32))
        bands: Tensor = _YAMNET_GAIN**0.5 * 10 ** (wide / 20) + 0.001
        return bands.log().to(level.dtype)


def front_end(backbone: TaggingBackbone, bins: Literal["linear", "mel"]) -> nn.Module:
    """Return what makes a tagger's log-mel of a level of 513 bins at 32 kHz, or of its bands."""
    of_yamnet = isinstance(backbone, YAMNet)
    if bins == "mel":
        return _MelOfYAMNet() if of_yamnet else nn.Identity()
    with torch.device("cpu"):  # tables have values, also in a network that has none yet
        part = (presets.yamnet() if of_yamnet else presets.panns()).parts[0]
        gain = _YAMNET_GAIN if of_yamnet else 1.0
        reader = LevelToLogMel(cast(LogMel, part), gain=gain)
    return reader.to(torch.get_default_device())


def map_channels(backbone: TaggingBackbone) -> dict[str, int]:
    """Return the channels of the map behind each block."""
    channels: dict[str, int] = {}

    def look(name: str, maps: Tensor) -> Tensor:
        channels[name] = maps.shape[1]
        return maps

    training = backbone.training
    with torch.no_grad():
        like = next(backbone.parameters())
        backbone.eval().encode(like.new_zeros(1, 1, backbone.frames_per_step, 64), look)
    backbone.train(training)
    return channels
