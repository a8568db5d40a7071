"""What a channel of features means, as augmentation needs to know it."""

from typing import Literal, NamedTuple


class ChannelMeaning(NamedTuple):
    """What the bins of a channel are, and what its values do when the sound is changed.

    Attributes:
        bins: `"frequency"` for bins or bands of frequency, `"lag"` for the lags of a correlation,
            `"point"` for places where a beam looks, `"sample"` for those of the waveform. Only
            along frequency may a part be masked.
        per_db: By how much every value rises with each decibel of level; 0 where the level does not
            matter; None where values change in another way, as a sum of powers does.
        anywhere: Whether a value means the same direction in another bin. Phases do not: they grow
            with frequency.
    """

    bins: Literal["frequency", "lag", "point", "sample"] = "frequency"
    per_db: float | None = 0.0
    anywhere: bool = True


LEVEL = ChannelMeaning(per_db=1.0)
"""Decibels in bins or bands of frequency."""
CUE = ChannelMeaning()
"""What tells a direction in each bin or band of frequency, whatever the level."""
PHASE = ChannelMeaning(anywhere=False)
"""A phase in each bin or band of frequency, as an angle or its cosine and sine."""
LAG = ChannelMeaning("lag")
"""Correlations over lags."""
