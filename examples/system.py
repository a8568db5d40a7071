"""What a training needs to know of a system: a row of `seld_systems.py` or `localizers.py`."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor, nn

from seldkit.arrays import ArrayGeometry
from seldkit.features import FeatureExtractor


class System(NamedTuple):
    """Everything that a training needs to know of a system.

    Attributes:
        features: Makes the extractor.
        network: Makes the network, of `num_classes` if it tells classes.
        format: Makes the output format, likewise.
        loss: Of the network's output and a target; one, or several by name, which are added.
        quick: Arguments of the network that make it small enough to see in seconds that it learns.
        asked: Arguments with which the network is called in training alone.
        scenes: Settings of the scenes that are made for it, such as the array that hears them.
        named: Whether it tells classes; if not, whatever sounds is of one class.
        standardized: Whether features are brought to mean 0 and variance 1.
        turned: Whether chunks are turned and filtered at random: features of FOA that begin with
            levels, and targets of vectors.
        lr: Highest learning rate, if none is said.
    """

    features: Callable[[], FeatureExtractor]
    network: Callable[..., nn.Module]
    format: Callable[..., Any]
    loss: Callable[[Any, Any], Any]
    quick: Mapping[str, Any] = {}
    asked: Mapping[str, Any] = {}
    scenes: Mapping[str, Any] = {}
    named: bool = True
    standardized: bool = True
    turned: bool = True
    lr: float = 1e-3

    def build(
        self, num_classes: int, *, quick: bool = False
    ) -> tuple[FeatureExtractor, nn.Module, Any]:
        """Return extractor, network and format for a number of classes."""
        told = {"num_classes": num_classes} if self.named else {}
        network = self.network(**told, **(self.quick if quick else {}))
        return self.features(), network, self.format(**told)


def by_name(loss: Any) -> dict[str, Tensor]:
    """Return one loss or several by their names."""
    if isinstance(loss, Tensor):
        return {"loss": loss}
    return dict(loss._asdict() if hasattr(loss, "_asdict") else loss)


TETRAHEDRON = ArrayGeometry.tetrahedron()
AS_IT_IS: dict[str, Any] = {"standardized": False, "turned": False}
BY_ARRAY: dict[str, Any] = {"scenes": {"array": TETRAHEDRON}, **AS_IT_IS}
