"""Shape annotations, such as `Float[Tensor, "batch time cls"]`.

They document and, in the test suite, check shapes. Without jaxtyping they mean plain `Tensor`.
"""

from typing import TYPE_CHECKING, Any

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

__all__ = ["Bool", "Complex", "Float", "Int"]
