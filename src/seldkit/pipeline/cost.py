"""What a pipeline costs: parameters, work, memory and time on one core."""

import warnings
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from time import thread_time
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils import _pytree
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from seldkit._checks import check_count
from seldkit.pipeline.frames import CLIP_S
from seldkit.pipeline.pipeline import Pipeline
from seldkit.pipeline.precision import as_features
from seldkit.pipeline.windows import evaluating


class Cost(NamedTuple):
    """What a pipeline costs.

    Attributes:
        parameters: Numbers that the network learns.
        weight_bytes: Bytes of these and of what else its `state_dict` holds.
        multiply_accumulates: Of its convolutions and products of matrices, for a second of what it
            hears; features are not counted.
        working_bytes: Bytes of the tensors that are alive at once while a window is computed, from
            waveform to output; without the weights, and without what is used inside one step.
        real_time_factor: Seconds that one core works for a second of a long recording in
            [`predict`][seldkit.pipeline.Pipeline.predict], where windows overlap; below 1 is faster
            than real time.
        feature_share: Which part of that time is for features, 0 to 1.
    """

    parameters: int
    weight_bytes: int
    multiply_accumulates: float
    working_bytes: int
    real_time_factor: float
    feature_share: float


def measure_cost(pipeline: Pipeline, *, repeats: int = 3) -> Cost:
    """Count what a pipeline needs, and measure its time on one core, on windows of noise.

    All but the time is the same in every run. The time is that of this machine, the least of some
    runs, and does not grow where other programs want the processor, too.

    Args:
        pipeline: A pipeline on the CPU.
        repeats: Runs that are timed.

    Raises:
        TypeError: If `repeats` is no whole number.
        ValueError: If it is not positive.

    Examples:
        >>> from seldkit import features, formats, models
        >>> extractor = features.presets.ein_seld(num_mels=32)
        >>> model = models.einv2(5, widths=(8, 8), pool_time=(2, 2), pool_freq=(4, 4))
        >>> cost = measure_cost(Pipeline(extractor, model, formats.TrackWise(5)), repeats=1)
        >>> cost.parameters
        146440
        >>> cost.real_time_factor < 1
        True
    """
    check_count(repeats=repeats)
    extractor, model = pipeline.extractor, pipeline.model
    window_s = pipeline.window_s or CLIP_S
    size = 1, extractor.in_channels, round(window_s * extractor.sample_rate)
    noise = 0.1 * torch.randn(size, generator=torch.Generator().manual_seed(0))
    with evaluating(pipeline), _one_thread():
        with torch.inference_mode():
            features = extractor(noise)
            if pipeline.standardize is not None:
                features = pipeline.standardize(features)
            pipeline(noise)  # the first run of some kernels takes longer
            with LiveBytes() as live:
                pipeline(noise)
            whole_s = min(_seconds(pipeline, noise) for _ in range(repeats))
            features_s = min(_seconds(extractor, noise) for _ in range(repeats))
        work = _multiply_accumulates(pipeline, features)
    state = model.state_dict().values()
    return Cost(
        parameters=sum(x.numel() for x in model.parameters()),
        weight_bytes=sum(x.numel() * x.element_size() for x in state),
        multiply_accumulates=work / window_s,
        working_bytes=live.most,
        real_time_factor=whole_s / (pipeline.hop_s or window_s),
        feature_share=min(features_s / whole_s, 1.0),
    )


def _multiply_accumulates(pipeline: Pipeline, features: Tensor) -> float:
    """Return those of the network for one window.

    With gradients, without oneDNN and with plain attention all layers are made of steps that are
    counted.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of oneDNN's flags, about other devices
        plain = torch.backends.mkldnn.flags(enabled=False)
        with plain, sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            pipeline.model(as_features(features.clone(), pipeline.model))
    return float(counter.get_total_flops()) / 2


def _seconds(module: torch.nn.Module, waveform: Tensor) -> float:
    start = thread_time()
    module(waveform)
    return thread_time() - start


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class LiveBytes(TorchDispatchMode):
    """Keeps count of the bytes of the tensors that are made in it and still alive."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.now, self.most = 0, 0
        self._known: dict[int, Any] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        given = {id(x.untyped_storage()) for x in _tensors(args)}
        for x in _tensors(made):
            storage = x.untyped_storage()
            if id(storage) not in self._known and id(storage) not in given:
                self._add(storage)
        return made

    def _add(self, storage: torch.UntypedStorage) -> None:
        size = storage.nbytes()
        self.now += size
        self.most = max(self.most, self.now)

        def gone(_: object, number: int = id(storage)) -> None:
            self.now -= size
            del self._known[number]

        self._known[id(storage)] = weakref.ref(storage, gone)


def _tensors(values: Any) -> list[Tensor]:
    return [x for x in _pytree.tree_leaves(values) if isinstance(x, Tensor)]
