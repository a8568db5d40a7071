"""What augmentation asks the extractor of features about them."""

from typing import Literal, Protocol, runtime_checkable

from torch import Tensor

from seldkit._checks import check_floating, check_shape
from seldkit._typing import WithMeanings
from seldkit.arrays import ArrayGeometry


@runtime_checkable
class Extractor(WithMeanings, Protocol):
    """What knows its features: [`FeatureExtractor`][seldkit.features.FeatureExtractor]."""

    def __call__(self, waveform: Tensor) -> Tensor:
        """Return features."""
        ...

    def silence(self) -> Tensor:
        """Return the features of silence, `channel freq`."""
        ...

    def silenced(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return features with silence where a mask says so."""
        ...

    def turn(
        self,
        features: Tensor,
        matrix: Tensor,
        *,
        array: ArrayGeometry | Literal["foa"] | None = None,
        lost_lag: Literal["error", "nearest"] = "error",
    ) -> Tensor:
        """Return the features of the turned sound field."""
        ...


def check_features(features: Tensor, extractor: Extractor | None) -> None:
    """Raise unless they are features, and of the extractor if there is one."""
    sizes = {} if extractor is None else {"channel": len(extractor.meanings)}
    check_shape("features", features, "batch channel time freq", **sizes)
    check_floating(features=features)


def along_frequency(features: Tensor, extractor: Extractor | None) -> Tensor:
    """Return which channels lie along frequency, as a mask that broadcasts with the features."""
    known = [True] * features.shape[1]
    if extractor is not None:
        known = [meaning.bins == "frequency" for meaning in extractor.meanings]
    return features.new_tensor(known).bool().reshape(1, -1, 1, 1)
