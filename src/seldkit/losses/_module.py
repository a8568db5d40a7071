"""The module form of a loss."""

from typing import Any

from torch import Tensor, nn


class LossModule(nn.Module):
    """A loss that keeps its settings, as attributes, and shows them in `print(module)`.

    Weights of classes move with the module; they are a setting, so `state_dict` leaves them out.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self._names = tuple(settings)
        for name, value in settings.items():
            if isinstance(value, Tensor):
                self.register_buffer(name, value.detach().clone(), persistent=False)
            else:
                setattr(self, name, value)

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        shown = {k: v.tolist() if isinstance(v, Tensor) else v for k, v in self._settings().items()}
        return ", ".join(f"{name}={value!r}" for name, value in shown.items())

    def _settings(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._names}
