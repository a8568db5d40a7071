"""Shape annotations, such as `Float[Tensor, "batch time cls"]`, and what features say of channels.

Annotations document and, in the test suite, check shapes. Without jaxtyping they mean plain
`Tensor`. Rooms that read features without knowing the room that makes them name the rest.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from jaxtyping import Bool, Complex, Float, Int
else:
    try:
        from jaxtyping import Bool, Complex, Float, Int
    except ModuleNotFoundError:

        class _Plain:
            def __class_getitem__(cls, item: tuple[Any, str]) -> Any:
                return item[0]

        Bool = Complex = Float = Int = _Plain

__all__ = ["Bool", "Complex", "Float", "Int", "Meaning", "WithMeanings"]


@runtime_checkable
class Meaning(Protocol):
    """What a channel means: [`ChannelMeaning`][seldkit.features.ChannelMeaning]."""

    @property
    def bins(self) -> str:
        """What its bins are: `"frequency"`, or something else."""
        ...

    @property
    def per_db(self) -> float | None:
        """By how much its values rise with each decibel of level; 0 for what tells directions."""
        ...

    @property
    def anywhere(self) -> bool:
        """Whether its values mean the same in another bin."""
        ...


@runtime_checkable
class WithMeanings(Protocol):
    """What knows its channels: [`FeatureExtractor`][seldkit.features.FeatureExtractor]."""

    @property
    def meanings(self) -> Sequence[Meaning]:
        """What each channel means."""
        ...
