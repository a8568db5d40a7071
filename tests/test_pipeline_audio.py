"""What a pipeline hears: files in parts, waveforms of every kind, networks of the right rate."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from seldkit import SELDOutput
from seldkit.features import FeatureExtractor, Standardize, presets
from seldkit.formats import ACCDOA, ClassWise, TrackWise
from seldkit.io import read_audio, write_audio
from seldkit.models import einv2
from seldkit.pipeline import Pipeline
from seldkit.pipeline import audio as audio_room
from seldkit.pipeline.windows import cut
from sound_fields import diffuse_noise

RATE, CLASSES = 8000, 3

quick = settings(max_examples=25)


class Level(nn.Module):
    """A network that tells the level of the frames that it pools, as one class of one track."""

    def __init__(self, pool: float, more: int = 0) -> None:
        super().__init__()
        self.pool, self.more = pool, more
        self.gain = nn.Parameter(torch.tensor(0.1))
        self.calls = 0

    def forward(self, features: Tensor) -> SELDOutput:
        """Return levels."""
        self.calls += 1
        level = features[:, :4].mean(dim=(1, 3))
        size = max(int(level.shape[1] / self.pool), 1) + self.more
        level = nn.functional.interpolate(level.unsqueeze(1), size, mode="area").squeeze(1)
        activity = (self.gain * (level + 40)).reshape(*level.shape, 1, 1).expand(-1, -1, 1, CLASSES)
        return SELDOutput(activity, activity[..., :3])


def extractor() -> FeatureExtractor:
    return presets.ein_seld(sample_rate=RATE, hop_length=200, num_mels=8)


def level_pipeline(pool: float = 4, more: int = 0, **arguments: Any) -> Pipeline:
    arguments = {"window_s": 2.0} | arguments
    return Pipeline(extractor(), Level(pool, more), TrackWise(CLASSES, 1), **arguments)


def noise(samples: int = 20000, seed: int = 0) -> Tensor:
    return diffuse_noise(samples, seed)


def activity(pipeline: Pipeline, audio: Any, rate: Any = None) -> Tensor:
    output = pipeline.scan(audio, rate)
    assert isinstance(output, SELDOutput)
    return output.activity


@quick
@given(st.integers(1, 300), st.integers(1, 40), st.integers(1, 40), st.integers(1, 50), st.data())
def test_windows_of_blocks_are_those_of_the_whole(
    samples: int, length: int, hop: int, block: int, data: st.DataObject
) -> None:
    signal = torch.arange(1.0, samples + 1).reshape(1, -1)
    starts = list(range(0, max(samples - length, 0) + 1, min(hop, length)))
    if data.draw(st.booleans()):
        starts = [*starts, max(samples - length, starts[-1])]  # the last one ends with the signal
    whole = nn.functional.pad(signal, (0, length))
    windows = list(cut(signal.split(block, dim=1), starts, length))
    assert len(windows) == len(starts)
    for start, window in zip(starts, windows, strict=True):
        assert torch.equal(window, whole[:, start : start + length])


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.w64"])
@pytest.mark.parametrize("rate", [RATE, 12000, 44100])
@pytest.mark.parametrize("block", [997, 2**18])
def test_a_file_in_parts_is_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, rate: int, block: int
) -> None:
    write_audio(tmp_path / name, noise(3 * rate + 77), rate)
    pipeline = level_pipeline(hop_s=0.7)
    whole, _ = read_audio(tmp_path / name, sample_rate=RATE)
    expected = activity(pipeline, whole, RATE)
    monkeypatch.setattr(audio_room, "BLOCK", block)
    assert torch.equal(activity(pipeline, tmp_path / name), expected)
    assert torch.equal(activity(pipeline, str(tmp_path / name)), expected)
    assert torch.equal(activity(pipeline, whole, RATE), expected)


@pytest.mark.programs
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="tells the peak of memory")
def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    code = (
        "import re, sys\n"
        "sys.path.insert(0, 'tests')\n"
        "from test_pipeline_audio import level_pipeline\n"
        "for path in sys.argv[1:]:\n"
        "    level_pipeline(hop_s=2.0).predict(path)\n"
        "    with open('/proc/self/status') as status:\n"
        "        print(re.search(r'VmHWM:\\s+(\\d+) kB', status.read())[1])\n"
    )
    paths = [tmp_path / "short.wav", tmp_path / "long.wav"]
    for path, seconds in zip(paths, (80, 800), strict=True):
        write_audio(path, noise(RATE).repeat(1, seconds), RATE)
    command = [sys.executable, "-c", code, *map(str, paths)]
    root = Path(__file__).parents[1]
    alone = os.environ | {"OMP_NUM_THREADS": "1"}  # each thread would keep memory of its own
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root, env=alone)
    short, long = (int(peak) / 1024 for peak in done.stdout.split())
    assert long - short < 44  # MB, which the allocator may take; the long file holds 88 MB more


@pytest.mark.messages  # other kinds than are declared
@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.numpy(),
        lambda x: x.double().numpy(),
        lambda x: x.double(),
        lambda x: x.numpy().astype(">f4"),
        lambda x: np.asfortranarray(x.numpy()),
        lambda x: x.numpy()[:, ::-1][:, ::-1],
        lambda x: np.frombuffer(x.numpy().tobytes(), np.float32).reshape(4, -1),  # read-only
        lambda x: x.clone().requires_grad_(),
    ],
    ids=["float32", "float64", "tensor", "big-endian", "Fortran", "strides", "read-only", "grad"],
)
def test_waveforms_of_every_kind_are_taken(change: Callable[[Tensor], Any]) -> None:
    pipeline, waveform = level_pipeline(), noise()
    expected = activity(pipeline, waveform, RATE)
    assert torch.equal(activity(pipeline, change(waveform), RATE), expected)
    half = activity(pipeline, waveform.half().numpy(), RATE)
    torch.testing.assert_close(half, expected, rtol=0, atol=1e-2)


@pytest.mark.messages  # other kinds than are declared
@pytest.mark.parametrize(
    "rate", [RATE, float(RATE), np.int64(RATE), np.float32(RATE), np.uint16(RATE)]
)
def test_rates_of_every_kind_are_taken(rate: Any) -> None:
    assert level_pipeline().predict(noise(), rate).num_frames == 25


@pytest.mark.messages
@pytest.mark.parametrize(
    ("audio", "rate", "error", "message"),
    [
        (noise(), True, TypeError, "sample_rate must be a number, got True"),
        (noise(), "8000", TypeError, "sample_rate must be a number, got '8000'"),
        (noise(), 8000.5, ValueError, r"sample_rate must be 8000, got 8000\.5"),
        (noise(), 44100, ValueError, "must be 8000, got 44100: say the rate .*, and resample it"),
        (noise(), None, ValueError, "must be 8000, got None: say the rate"),
        ([[0.0]], RATE, TypeError, "audio must be a path, a tensor or an array, got list"),
        (None, RATE, TypeError, "audio must be a path, a tensor or an array, got NoneType"),
        (noise().numpy().T, RATE, ValueError, r"\(20000, 4\); samples come last: give audio\.T"),
        (noise().T, RATE, ValueError, r"\(20000, 4\); samples come last: give audio\.T"),
        (noise()[None], RATE, ValueError, r"shape \(1, 4, 20000\); give one clip at a time"),
        (noise()[:2], RATE, ValueError, r"shape \(2, 20000\); the system hears .* from 4 chan"),
        (noise()[0], RATE, ValueError, r"shape \(20000,\); the system hears .* from 4 channels"),
        (noise().repeat(2, 1), RATE, ValueError, "choose the 4 channels that the system was"),
        (noise()[:, :0].numpy(), RATE, ValueError, "audio must have at least one sample, got none"),
        (noise() * 32768, RATE, ValueError, "audio must have full scale 1, got a peak of .*32768"),
        (noise().numpy() / 30 * 32768, RATE, ValueError, "audio must have full scale 1, got a"),
        (
            (noise() * 99).to(torch.int16),
            RATE,
            TypeError,
            r"got torch\.int16: divide samp",
        ),
        (np.zeros((4, 9), np.int32), RATE, TypeError, "audio must hold floats .*, got int32: div"),
        (np.zeros((4, 9), bool), RATE, TypeError, "audio must hold floats .*, got bool"),
        (np.zeros((4, 9), complex), RATE, TypeError, "audio must hold floats .*, got complex128"),
        (noise().log(), RATE, ValueError, r"audio must be finite, got nan or infinity in \d+ of 8"),
    ],
)
def test_wrong_waveforms_are_told_what_to_do(
    audio: Any, rate: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        level_pipeline().predict(audio, rate)


@pytest.mark.messages
def test_wrong_files_are_told_what_to_do(tmp_path: Path) -> None:
    pipeline = level_pipeline()
    for channels in (1, 2):
        write_audio(tmp_path / "a.wav", noise()[:channels], RATE)
        with pytest.raises(ValueError, match=rf"got shape \({channels}, 20000\); the system hears"):
            pipeline.predict(tmp_path / "a.wav")
    loud = (noise() * 32768).T.numpy()
    soundfile.write(tmp_path / "loud.wav", loud, RATE, subtype="FLOAT")
    with pytest.raises(ValueError, match=r"loud\.wav must have full scale 1, got a peak of "):
        pipeline.predict(tmp_path / "loud.wav")
    broken = noise(80000)
    broken[2, 70000] = torch.nan
    soundfile.write(tmp_path / "nan.wav", broken.T.numpy(), RATE, subtype="FLOAT")
    with pytest.raises(ValueError, match=r"nan\.wav.* finite, got nan or infinity"):
        pipeline.predict(tmp_path / "nan.wav")
    soundfile.write(tmp_path / "empty.wav", np.zeros((0, 4)), RATE)
    with pytest.raises(ValueError, match=r"empty\.wav holds no samples"):
        pipeline.predict(tmp_path / "empty.wav")
    content = (tmp_path / "loud.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(content[: len(content) // 3])
    with pytest.raises(ValueError, match=r"cut\.wav is cut off"):
        pipeline.predict(tmp_path / "cut.wav")
    with pytest.raises(FileNotFoundError, match=r"there is no file none\.wav"):
        pipeline.predict("none.wav")


def test_a_sound_is_reported_when_it_was() -> None:
    waveform = 1e-5 * noise(24000)
    waveform[:, 1600:3200] = noise(1600)  # 0.2 to 0.4 s
    for more in (0, 1):
        heard = level_pipeline(more=0, window_s=1.0 + more).predict(waveform, RATE)
        assert set(heard.frame.tolist()) == {2, 3} or set(heard.frame.tolist()) <= {1, 2, 3, 4}


@pytest.mark.parametrize("more", [0, 1])
@pytest.mark.parametrize("samples", [1, 799, 801, 15999, 16001, 40000])
def test_one_frame_more_is_natural(more: int, samples: int) -> None:
    for window_s in (0.1, 0.3, 2.0):
        pipeline = level_pipeline(more=more, window_s=window_s)
        assert pipeline.predict(noise(samples), RATE).num_frames == -(-samples // 800)


@pytest.mark.parametrize("window_s", [0.4, 1.0, 4.0])
@pytest.mark.parametrize("samples", [1, 4000, 40000])
@pytest.mark.parametrize(
    ("pool", "rate"),
    [(1, r"4[0-9.]+"), (2, r"2[0-9.]+"), (3.2, r"12\.5|13|12"), (8, r"[0-9.]+")],
)
def test_networks_of_another_rate_are_refused(
    window_s: float, samples: int, pool: float, rate: str
) -> None:
    pipeline = level_pipeline(pool, window_s=window_s)
    with pytest.raises(
        ValueError,
        match=r"model must return \d+ frames for a window, got \d+: the extractor makes"
        rf" 40 feature frames per second and the model about ({rate}) output frames per second, but"
        r" label_rate is 10",
    ):
        pipeline.predict(noise(samples), RATE)


def test_the_rate_is_measured_once_and_anew_for_another_network() -> None:
    pipeline = level_pipeline()
    for calls in (2, 3, 4):
        pipeline.predict(noise(800), RATE)
        assert pipeline.model.calls == calls
    pipeline.label_rate = 20.0
    with pytest.raises(ValueError, match=r"2 frames for a window, got 1: .* about 10 output"):
        pipeline.predict(noise(800), RATE)
    pipeline.label_rate = 10.0
    pipeline.model = Level(2)
    with pytest.raises(ValueError, match=r"20 frames for a window, got 40: .* about 20 out"):
        pipeline.predict(noise(800), RATE)


def test_einv2_on_features_of_another_rate_is_refused() -> None:
    model = einv2(CLASSES, widths=(4, 8), pool_time=(2, 2), pool_freq=(2, 4))
    pipeline = Pipeline(presets.dcase2023_foa(), model, TrackWise(CLASSES))
    for seconds in (1, 6):
        with pytest.raises(ValueError, match=r"50 feature frames .* about 12\.5 output frames"):
            pipeline.predict(noise(24000 * seconds), 24000)


@pytest.mark.messages
@pytest.mark.parametrize(
    ("output", "format", "message"),
    [
        (torch.zeros(1, 20, 3, 3), ACCDOA(4), r"ACCDOA cannot decode .*: output must be .*cls=4"),
        (torch.zeros(1, 20, 3, 3), ACCDOA(3, distance=True), r"ACCDOA cannot decode .*axis=4"),
        (torch.zeros(1, 20, 3, 3), ClassWise(3), "ClassWise cannot decode .* SELDOutput"),
        (SELDOutput(torch.zeros(1, 20, 3), torch.zeros(1, 20, 3, 3)), ACCDOA(3), "got SELDOutput"),
        (SELDOutput(torch.zeros(1, 20, 3), torch.zeros(1, 20, 3, 3)), TrackWise(3), "TrackWise ca"),
        (SELDOutput(torch.zeros(1, 20, 3), torch.zeros(1, 19, 3, 3)), ClassWise(3), "20 .* got 19"),
        (torch.zeros(20), ACCDOA(3), r"model must return \(batch=1, time, \.\.\.\), got shape"),
        (torch.zeros(2, 20, 3, 3), ACCDOA(3), r"model must return \(batch=1, time, \.\.\.\), got"),
    ],
)
def test_outputs_of_other_formats_are_named_at_once(output: Any, format: Any, message: str) -> None:
    class Fixed(nn.Module):
        calls = 0

        def forward(self, features: Tensor) -> Any:
            Fixed.calls += 1
            return output

    pipeline = Pipeline(extractor(), Fixed(), format, window_s=2.0)
    with pytest.raises((TypeError, ValueError), match=message):
        pipeline.predict(noise(160000), RATE, batch_size=1)
    assert Fixed.calls <= 2


@pytest.mark.parametrize("cast", ["half", "bfloat16"])
@pytest.mark.parametrize("whole", [True, False])
def test_half_precision_changes_the_network_alone(cast: str, whole: bool) -> None:
    def made() -> Pipeline:
        torch.manual_seed(1)
        sizes: dict[str, Any] = {"num_layers": 1, "num_heads": 2, "feedforward": 8}
        model = einv2(CLASSES, widths=(4, 8), pool_time=(2, 2), pool_freq=(2, 4), **sizes)
        features = extractor()
        standardize = Standardize(7, 8).fit([features(noise().unsqueeze(0))])
        return Pipeline(features, model, TrackWise(CLASSES), standardize=standardize, window_s=1.0)

    seen: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(_: nn.Module, given: tuple[Tensor, ...]) -> None:
            seen[name] = given[0]

        return hook

    plain, narrow = made(), made()
    getattr(narrow if whole else narrow.model, cast)()
    plain.model.register_forward_pre_hook(keep("plain"))
    narrow.model.register_forward_pre_hook(keep("narrow"))
    assert next(narrow.model.parameters()).dtype == getattr(torch, cast.replace("half", "float16"))
    for waveform in (noise(), noise().to(next(narrow.model.parameters()).dtype)):
        found = activity(narrow, waveform, RATE)
        wanted = activity(plain, waveform.float(), RATE)
        assert found.dtype == torch.float32
        assert torch.equal(seen["narrow"], seen["plain"].to(seen["narrow"].dtype))
        torch.testing.assert_close(found, wanted, rtol=0, atol=0.15)
    assert narrow.predict(noise(), RATE).num_frames == 25
    assert narrow.predict(torch.zeros(4, 20000), RATE).num_frames == 25
    trained = narrow(noise().unsqueeze(0))
    assert trained.activity.dtype == next(narrow.model.parameters()).dtype
    kinds = [[x.dtype for x in p.extractor.buffers()] for p in (plain, narrow)]
    assert kinds[0] == kinds[1]


@pytest.mark.messages  # other kinds than are declared
@pytest.mark.parametrize(
    ("window_s", "label_rate", "hop_s"),
    [(2.5, 10, 1.2), (0.1, 10, 0.1), (0.3, 10, 0.1), (4, 10, 2.0), (1.5, 2, 0.5), (2.0, 20, 1.0)],
)
def test_the_default_hop_is_half_a_window_in_whole_frames(
    window_s: float, label_rate: float, hop_s: float
) -> None:
    pipeline = level_pipeline(window_s=np.float64(window_s), label_rate=np.int64(label_rate))
    assert pipeline.hop_s == pytest.approx(hop_s)
    assert type(pipeline.hop_s) is type(pipeline.window_s) is float


def test_changed_settings_count() -> None:
    pipeline = level_pipeline()
    pipeline.predict(noise(80000), RATE, batch_size=1)
    assert pipeline.model.calls == 9
    pipeline.hop_s = 2.0
    pipeline.predict(noise(80000), RATE, batch_size=1)
    assert pipeline.model.calls == 9 + 5


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"window_s": True}, TypeError, "window_s must be a number, got True"),
        ({"hop_s": "1"}, TypeError, "hop_s must be a number, got '1'"),
        ({"label_rate": float("nan")}, ValueError, "label_rate must be positive, got nan"),
        ({"hop_s": float("nan")}, ValueError, "hop_s must be positive, got nan"),
        ({"classes": "abc"}, TypeError, "classes must be a list of names, got the string 'abc'"),
        ({"classes": 3}, TypeError, "classes must be a list of names, got 3"),
        ({"classes": {"a", "b", "c"}}, TypeError, "classes must be a list of names, got {"),
        ({"classes": ["a", "b"]}, ValueError, "as many as the format has, num_classes=3, got 2"),
        ({"classes": ["a", "b", 3]}, TypeError, "classes must be names, got 3"),
        ({"classes": ["a", "b", "a"]}, ValueError, "classes must be different, got twice 'a'"),
        ({"standardize": Standardize(4, 8)}, ValueError, "must have num_channels=7 of the feat"),
        ({"standardize": Standardize(7, 9)}, ValueError, "must have num_bins=8 of the features"),
    ],
)
def test_wrong_settings_are_named_at_construction(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        level_pipeline(**arguments)


@pytest.mark.messages  # other kinds than are declared
def test_names_of_classes_come_in_any_list() -> None:
    for classes in (["a", "b", "c"], np.array(["a", "b", "c"]), iter("abc")):
        pipeline = level_pipeline(classes=classes)
        assert pipeline.classes == ("a", "b", "c")
        assert all(type(name) is str for name in pipeline.classes or ())
