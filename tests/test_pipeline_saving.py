"""A saved pipeline is what was trained, or an error says what differs."""

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seldkit import SELDOutput
from seldkit.backbones import TaggingBackbone, cnn14, yamnet
from seldkit.features import FeatureExtractor, Standardize, presets
from seldkit.formats import ACCDOA, ClassWise, TrackWise
from seldkit.models import at2seld, einv2
from seldkit.pipeline import Pipeline, builder
from sound_fields import diffuse_noise

RATE, CLASSES = 8000, 3


def tiny_einv2(**arguments: Any) -> nn.Module:
    sizes: dict[str, Any] = {"widths": (4, 8), "pool_time": (2, 2), "pool_freq": (2, 4)}
    sizes |= {"num_layers": 1, "num_heads": 2, "feedforward": 8}
    return einv2(CLASSES, **sizes, **arguments)


def extractor() -> FeatureExtractor:
    return presets.ein_seld(sample_rate=RATE, hop_length=200, num_mels=8)


def tiny_pipeline(model: nn.Module | None = None, **arguments: Any) -> Pipeline:
    model = tiny_einv2() if model is None else model
    return Pipeline(extractor(), model, TrackWise(CLASSES), window_s=1.0, **arguments)


def noise(samples: int = 12000) -> Tensor:
    return diffuse_noise(samples)


def scanned(pipeline: Pipeline) -> list[Tensor]:
    output = pipeline.scan(noise(), RATE)
    return [output] if isinstance(output, Tensor) else [x for x in output if x is not None]


def assert_kept(pipeline: Pipeline, folder: Path, **builders: Callable[..., Any]) -> Pipeline:
    """Assert that a pipeline comes back as it was, and return what came back."""
    pipeline.save(folder)
    loaded = Pipeline.load(folder, builders=builders)
    for ours, theirs in zip(scanned(pipeline), scanned(loaded), strict=True):
        assert torch.equal(ours, theirs)
    for own, parameter in zip(pipeline.parameters(), loaded.parameters(), strict=True):
        assert parameter.requires_grad == own.requires_grad
        assert parameter.dtype == own.dtype
    return loaded


def first(pipeline: Pipeline, kind: type[nn.Module]) -> Any:
    return next(module for module in pipeline.modules() if isinstance(module, kind))


def replace_head(pipeline: Pipeline) -> None:
    pipeline.model.head = nn.Identity()


def change_dropout(pipeline: Pipeline) -> None:
    first(pipeline, nn.Dropout).p = 0.7


def change_positions(pipeline: Pipeline) -> None:
    pipeline.model.positions.scale = 3.0  # type: ignore[union-attr]


def drop_positions(pipeline: Pipeline) -> None:
    pipeline.model.positions = None  # type: ignore[assignment]


def change_norm(pipeline: Pipeline) -> None:
    first(pipeline, nn.BatchNorm2d).eps = 0.1


def change_activation(pipeline: Pipeline) -> None:
    first(pipeline, nn.TransformerEncoderLayer).activation = nn.functional.gelu


def replace_forward(pipeline: Pipeline) -> None:
    forward = pipeline.model.forward
    pipeline.model.forward = lambda x: forward(2 * x)


def hook(pipeline: Pipeline) -> None:
    pipeline.model.register_forward_pre_hook(lambda _, given: (2 * given[0],))


def widen(pipeline: Pipeline) -> None:
    linear = first(pipeline, nn.Linear)
    linear.weight = nn.Parameter(torch.zeros(2, 2))


def tie(pipeline: Pipeline) -> None:
    one, two, *_ = (m for m in pipeline.modules() if isinstance(m, nn.LayerNorm))
    one.weight = two.weight


def add_module(pipeline: Pipeline) -> None:
    pipeline.model.adapter = nn.Linear(2, 2)


def change_hop(pipeline: Pipeline) -> None:
    pipeline.extractor.stft.hop_length = 100


def change_part(pipeline: Pipeline) -> None:
    pipeline.extractor.parts = nn.ModuleList(pipeline.extractor.parts[:1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (replace_head, r"model\.head is a Identity, not a TrackWiseHead"),
        (change_dropout, r"\.dropout\.p is 0\.7, not 0\.2"),
        (change_positions, r"model\.positions\.scale is 3\.0, not "),
        (drop_positions, r"model\.positions is None, not Identity"),
        (change_norm, r"\.eps is 0\.1, not 1e-05"),
        (change_activation, r"\.activation is <.*gelu.*>, not <function relu"),
        (replace_forward, r"model\.forward is <function .*, not absent"),
        (hook, r"its output differs by "),
        (widen, r"\.weight has shape \(2, 2\), not \("),
        (tie, r"model\..*\.weight and model\..*\.weight are one tensor now"),
        (add_module, r"model\.adapter is new"),
        (change_hop, r"extractor\.stft\.hop_length is 100, not 200"),
        (change_part, r"extractor\.parts\.1 is gone"),
    ],
)
def test_what_was_changed_after_its_builder_is_refused(
    tmp_path: Path, change: Callable[[Pipeline], None], message: str
) -> None:
    pipeline = tiny_pipeline()
    tiny_pipeline().save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    change(pipeline)
    with pytest.raises(ValueError, match=f"(model|extractor) is not what its builder .*{message}"):
        pipeline.save(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_saving_changes_nothing(tmp_path: Path) -> None:
    pipeline = tiny_pipeline().train()
    state = {name: x.clone() for name, x in pipeline.state_dict().items()}
    random = torch.get_rng_state()
    pipeline.save(tmp_path)
    assert torch.equal(torch.get_rng_state(), random)
    assert all(module.training for module in pipeline.modules())
    assert all(torch.equal(x, state[name]) for name, x in pipeline.state_dict().items())
    assert all(p.grad is None and p.is_leaf for p in pipeline.parameters())


def test_what_only_training_reads_is_kept(tmp_path: Path) -> None:
    pipeline = tiny_pipeline()
    first(pipeline, nn.BatchNorm2d).momentum = None
    names = [name for name, _ in pipeline.named_parameters()][::3]
    for name in names:
        pipeline.get_parameter(name).requires_grad_(False)
    loaded = assert_kept(pipeline, tmp_path)
    assert first(loaded, nn.BatchNorm2d).momentum is None
    assert [n for n, p in loaded.named_parameters() if not p.requires_grad] == names


@pytest.mark.parametrize("change", ["unfreeze", "freeze", None])
def test_frozen_parts_are_kept(tmp_path: Path, change: str | None) -> None:
    features = presets.at2seld()
    model = at2seld(
        2,
        in_channels=features.num_channels,
        backbone=yamnet(widths=(4,) * 14),
        widths=(4, 4),
        pool_time=(5, 2),
        pool_freq=(4, 4),
        channels=8,
        feedforward=8,
        num_heads=2,
        frozen="block3",
        early_stitches=("block2",),
    )
    pipeline = Pipeline(features, model, TrackWise(2), window_s=1.0)
    backbone = next(m for m in model.modules() if isinstance(m, TaggingBackbone))
    if change == "unfreeze":
        backbone.unfreeze()
    elif change == "freeze":
        backbone.freeze("block5", since="block2")
    pipeline.save(tmp_path)
    loaded = Pipeline.load(tmp_path)
    again = next(m for m in loaded.modules() if isinstance(m, TaggingBackbone))
    assert again.frozen == backbone.frozen
    flags = {name: p.requires_grad for name, p in pipeline.named_parameters()}
    assert {name: p.requires_grad for name, p in loaded.named_parameters()} == flags
    modes = {name: module.training for name, module in pipeline.train().named_modules()}
    assert {name: module.training for name, module in loaded.train().named_modules()} == modes


@pytest.mark.parametrize("cast", ["half", "bfloat16", "double"])
@pytest.mark.parametrize("whole", [True, False])
def test_the_precision_is_kept(tmp_path: Path, cast: str, whole: bool) -> None:
    pipeline = tiny_pipeline()
    standardize = Standardize(7, 8).fit([pipeline.extractor(noise().unsqueeze(0))])
    pipeline.standardize = standardize
    getattr(pipeline if whole else pipeline.model, cast)()
    loaded = assert_kept(pipeline, tmp_path)
    for name, x in pipeline.named_buffers():
        assert loaded.get_buffer(name).dtype == x.dtype


def test_tables_that_are_not_as_built_are_kept(tmp_path: Path) -> None:
    pipeline = tiny_pipeline()
    pipeline.extractor.float()
    pipeline.extractor.stft.window = pipeline.extractor.stft.window.square()
    loaded = assert_kept(pipeline, tmp_path)
    assert torch.equal(loaded.extractor.stft.window, pipeline.extractor.stft.window)


@pytest.mark.parametrize(
    "settings",
    [{}, {"per": "channel"}, {"channels": [0, 2]}, {"per": "channel", "channels": (1,)}],
)
def test_all_settings_of_standardize_are_kept(tmp_path: Path, settings: dict[str, Any]) -> None:
    pipeline = tiny_pipeline()
    standardize = Standardize(7, 8, **settings)
    pipeline.standardize = standardize.fit([pipeline.extractor(noise().unsqueeze(0))])
    loaded = assert_kept(pipeline, tmp_path).standardize
    assert loaded is not None
    assert loaded.fitted
    assert loaded.per == standardize.per
    assert loaded.channels == standardize.channels
    merged = loaded.merge(Standardize(7, 8, **settings))  # refuses other settings
    assert torch.equal(merged.mean, standardize.mean)


def test_what_is_not_fitted_yet_stays_so(tmp_path: Path) -> None:
    tiny_pipeline(standardize=Standardize(7, 8)).save(tmp_path)
    loaded = Pipeline.load(tmp_path).standardize
    assert loaded is not None
    assert not loaded.fitted


def test_all_arguments_are_stored(tmp_path: Path) -> None:
    tiny_pipeline().save(tmp_path)
    saved = json.loads((tmp_path / "pipeline.json").read_text(encoding="utf-8"))
    assert saved["model"]["arguments"]["num_tracks"] == 2
    assert saved["model"]["arguments"]["widths"] == {"tuple": [4, 8]}
    assert saved["format"]["arguments"]["threshold"] == 0.5
    assert len(saved["weights_sha256"]) == 64


def test_a_changed_default_changes_no_saved_pipeline(tmp_path: Path) -> None:
    class Pass(nn.Module):
        def __init__(self, rate: float) -> None:
            super().__init__()
            self.inner, self.rate = tiny_einv2(), rate

        def forward(self, features: Tensor) -> Any:
            return self.inner(features)

    @builder
    def changing(rate: float = 0.1) -> nn.Module:
        return Pass(rate)

    pipeline = tiny_pipeline(changing())
    pipeline.save(tmp_path)

    @builder
    def changed(rate: float = 0.9) -> nn.Module:
        return Pass(rate)

    loaded = Pipeline.load(tmp_path, builders={"changing": changed})
    assert loaded.model.rate == 0.1


@dataclass(frozen=True)
class Louder:
    """Add to the activity."""

    by: float
    inside: Any = ()

    def __call__(self, output: SELDOutput) -> SELDOutput:
        """Return an output with another activity."""
        for step in self.inside:
            output = step(output)
        return output._replace(activity=output.activity + self.by)


@builder
def quieter(by: float = 1.0) -> Callable[[SELDOutput], SELDOutput]:
    """Return a function that takes from the activity."""

    def step(output: SELDOutput) -> SELDOutput:
        output.activity.sub_(by)  # a step may work in place
        return output

    return step


@pytest.mark.parametrize(
    ("step", "added"),
    [
        (Louder(20.0), 20.0),
        (Louder(1.0, inside=(Louder(2.0), Louder(30.0, inside=[Louder(4.0)]))), 37.0),
        (quieter(by=15.0), -15.0),
    ],
)
def test_a_step_acts_before_decoding_and_is_saved(tmp_path: Path, step: Any, added: float) -> None:
    plain = tiny_pipeline()
    pipeline = tiny_pipeline(plain.model, postprocess=step)
    output = plain.scan(noise(), RATE)
    assert isinstance(output, SELDOutput)
    raised = output._replace(activity=output.activity + added)
    expected = plain.format.decode(raised)
    assert pipeline.predict(noise(), RATE) == expected
    assert (len(expected) > 0) == (added > 0)
    scan = pipeline.scan(noise(), RATE)
    assert isinstance(scan, SELDOutput)
    assert torch.equal(scan.activity, output.activity)
    loaded = assert_kept(pipeline, tmp_path, Louder=Louder, quieter=quieter)
    assert loaded.predict(noise(), RATE) == expected
    if isinstance(step, Louder):
        assert loaded.postprocess == step
    with pytest.raises(KeyError, match=r"postprocess builder '(Louder|quieter)' is unknown; known"):
        Pipeline.load(tmp_path)


def test_a_step_may_have_weights(tmp_path: Path) -> None:
    class Scale(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor = nn.Parameter(torch.ones(()))

        def forward(self, output: SELDOutput) -> SELDOutput:
            assert not self.training
            return output._replace(activity=output.activity * self.factor)

    @builder
    def scale() -> nn.Module:
        return Scale()

    pipeline = tiny_pipeline(postprocess=scale())
    nn.init.constant_(pipeline.postprocess.factor, -30.0)  # type: ignore[union-attr]
    loaded = assert_kept(pipeline, tmp_path, scale=scale)
    assert loaded.predict(noise(), RATE) == pipeline.train().predict(noise(), RATE)


@pytest.mark.messages
@pytest.mark.parametrize("step", [lambda output: output, partial(Louder(1.0))])
def test_a_step_without_a_name_works_but_is_not_saved(tmp_path: Path, step: Any) -> None:
    pipeline = tiny_pipeline(postprocess=step)
    pipeline.predict(noise(), RATE)
    with pytest.raises(ValueError, match="postprocess must come from a builder to be saved"):
        pipeline.save(tmp_path)
    with pytest.raises(TypeError, match="postprocess must be a function or None, got 3"):
        tiny_pipeline(postprocess=3)


class Pooled(nn.Module):
    """An encoder of levels and a head."""

    def __init__(self, encoder: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.encoder, self.activation = encoder, activation
        self.head = tiny_einv2()

    def forward(self, features: Tensor) -> Any:
        """Return the output of the head."""
        return self.head(self.activation(features))


@builder
def activation(slope: float = 0.1) -> nn.Module:
    """Return an activation."""
    return nn.LeakyReLU(slope)


@builder
def pooled(encoder: nn.Module, kinds: Any, act: nn.Module = nn.ReLU()) -> nn.Module:  # noqa: B008
    """Return a network of given parts; the default of `act` is not plain."""
    return Pooled(encoder, act)


def test_builders_may_stand_in_arguments(tmp_path: Path) -> None:
    def encoder() -> nn.Module:
        return cnn14(3, widths=(2, 2, 2, 2, 2, 2), embedding_dim=4)

    model = pooled(
        encoder(), {"a": (1, 2), 3: [np.float32(0.1)]}, activation(slope=np.float64(0.3))
    )
    loaded = assert_kept(tiny_pipeline(model), tmp_path, pooled=pooled, activation=activation)
    assert loaded.model.activation.negative_slope == 0.3  # type: ignore[union-attr]
    saved = json.loads((tmp_path / "pipeline.json").read_text(encoding="utf-8"))["model"]
    assert saved["arguments"]["act"] == {"builder": "activation", "arguments": {"slope": 0.3}}
    assert saved["arguments"]["encoder"]["builder"] == "cnn14"
    assert_kept(tiny_pipeline(pooled(encoder(), None)), tmp_path / "default", pooled=pooled)
    with pytest.raises(KeyError, match="builder 'activation' is unknown; known are"):
        Pipeline.load(tmp_path, builders={"pooled": pooled})
    with pytest.raises(ValueError, match=r"arguments must be plain .* pooled\(act=\.\.\.\): GELU"):
        tiny_pipeline(pooled(encoder(), None, nn.GELU())).save(tmp_path)


@pytest.mark.messages  # other kinds than are declared
@pytest.mark.parametrize(
    "threshold",
    [
        [0.1, 0.2, 0.3],
        (0.1, 0.2, 0.3),
        np.float32(0.1),
        np.float64(0.1),
        np.array([0.1, 0.2, 0.3], dtype=np.float32),
        torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64),
        torch.tensor([0.1, torch.inf, 0.3], dtype=torch.bfloat16),
        float("inf"),
        1,
    ],
    ids=str,
)
def test_arguments_come_back_equal(tmp_path: Path, threshold: Any) -> None:
    pipeline = tiny_pipeline(remembering(threshold))
    count: Any = np.int64(CLASSES)
    pipeline.format = TrackWise(count, threshold=threshold)
    pipeline.save(tmp_path)
    loaded = Pipeline.load(tmp_path, builders={"remembering": remembering})
    format: Any = loaded.format
    assert format.num_classes == CLASSES
    for ours, theirs in (
        (format.threshold, pipeline.format.threshold),
        (loaded.model.given[0], threshold),  # type: ignore[index]
    ):
        if isinstance(theirs, Tensor):
            assert ours.dtype == theirs.dtype
            assert torch.equal(ours, theirs)
        else:
            assert isinstance(ours, type(theirs)) or isinstance(theirs, np.number)
            assert np.array_equal(ours, theirs)


@builder
def remembering(given: Any) -> nn.Module:
    """Return a network that keeps what it was given."""
    model = tiny_einv2()
    model.given = [given]  # type: ignore[assignment]
    return model


def test_one_network_in_two_pipelines(tmp_path: Path) -> None:
    model = tiny_einv2()
    for name in ("a", "b"):
        assert_kept(tiny_pipeline(model, hop_s=0.5 if name == "a" else 1.0), tmp_path / name)
    one, two = ((tmp_path / name / "weights.safetensors").read_bytes() for name in ("a", "b"))
    assert one == two


def test_wrapped_networks_are_saved_under_their_own_names(tmp_path: Path) -> None:
    pipeline = tiny_pipeline()
    pipeline.save(tmp_path / "plain")
    pipeline.model = nn.DataParallel(pipeline.model)
    pipeline.save(tmp_path / "parallel")
    pipeline.model = nn.DataParallel(copy.deepcopy(pipeline.model))
    pipeline.save(tmp_path / "twice")
    plain, *others = (
        (tmp_path / name / "weights.safetensors").read_bytes()
        for name in ("plain", "parallel", "twice")
    )
    assert others == [plain, plain]
    assert_kept(pipeline, tmp_path / "again")


@pytest.mark.transforms
def test_a_network_with_a_compiled_part_is_saved_under_its_own_names(tmp_path: Path) -> None:
    pipeline = tiny_pipeline()
    pipeline.save(tmp_path / "plain")
    pipeline.model.head = torch.compile(pipeline.model.head, backend="eager")  # type: ignore[arg-type,assignment]
    pipeline.save(tmp_path / "compiled")
    plain, compiled = (tmp_path / name / "weights.safetensors" for name in ("plain", "compiled"))
    assert plain.read_bytes() == compiled.read_bytes()
    Pipeline.load(tmp_path / "compiled")


def test_copies_can_be_saved(tmp_path: Path) -> None:
    @builder
    def local() -> nn.Module:
        return tiny_einv2()

    pipeline = tiny_pipeline(local())
    assert_kept(copy.deepcopy(pipeline), tmp_path / "copy", local=local)
    sent = pickle.loads(pickle.dumps(tiny_pipeline()))
    assert_kept(sent, tmp_path / "sent")
    with pytest.raises(ValueError, match="model was built in another process, by 'local'"):
        pickle.loads(pickle.dumps(pipeline)).save(tmp_path)


def test_records_of_a_run_are_no_settings(tmp_path: Path) -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.calls, self.lengths, self.cut = tiny_einv2(), 0, [0], 0

        def forward(self, features: Tensor) -> Any:
            self.calls += 1
            self.lengths.append(len(features))
            return self.inner(features)

    @builder
    def counting() -> nn.Module:
        return Counting()

    pipeline = tiny_pipeline(counting())
    pipeline.predict(noise(), RATE)
    assert_kept(pipeline, tmp_path, counting=counting)
    pipeline.model.cut = 1  # type: ignore[assignment]
    with pytest.raises(ValueError, match=r"model\.cut is 1, not 0\."):
        pipeline.save(tmp_path)


@pytest.mark.messages
def test_names_of_builders_are_not_taken_twice(tmp_path: Path) -> None:
    def network() -> nn.Module:
        return tiny_einv2()

    network.__name__ = "einv2"
    with pytest.raises(ValueError, match="model comes from one of two builders called 'einv2'"):
        tiny_pipeline(builder(network)()).save(tmp_path)


@pytest.mark.messages
def test_other_states_are_refused(tmp_path: Path) -> None:
    class Extra(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = tiny_einv2()

        def get_extra_state(self) -> Any:
            return {"step": 3}

        def forward(self, features: Tensor) -> Any:
            return self.inner(features)

    @builder
    def extra() -> nn.Module:
        return Extra()

    with pytest.raises(ValueError, match="model keeps extra state, which cannot be saved"):
        tiny_pipeline(extra()).save(tmp_path)
    with pytest.raises(ValueError, match="standardize must come from a builder to be saved"):
        tiny_pipeline(standardize=nn.Identity()).save(tmp_path)


def test_formats_are_compared_by_their_settings(tmp_path: Path) -> None:
    pipeline = tiny_pipeline()
    for format in (
        ACCDOA(CLASSES, max_events=2, threshold=(0.1, 0.2, 0.3)),
        ClassWise(CLASSES, positions_m=(2, 1, 1)),
    ):
        pipeline.format = format
        pipeline.save(tmp_path)
        assert Pipeline.load(tmp_path).format == format
