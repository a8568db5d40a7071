"""NGCC-PHAT: learnt correlations of microphones as features of a network."""

import math
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._builders import builder
from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.features import STFT, LogMel, MelFilterBank, RealSpectrum
from seldkit.features.precision import widened, without_autocast
from seldkit.features.real_spectrum import real_basis
from seldkit.layers import NeuralCorrelation
from seldkit.outputs import SELDOutput


class NGCCPHAT(Shown):
    """Levels of each microphone and learnt correlations of each pair, as one map.

    The correlations of a [`NeuralCorrelation`][seldkit.layers.NeuralCorrelation] are projected from
    lags to as many numbers as there are mel bands, and stand behind the log-mel spectra.

    Shape:
        - Input: waveforms in frames, `(batch, channel, time, sample=frame_length)`.
        - Output: `(batch, out=num_channels, time, freq=num_mels)`, levels first, then pair by pair.

    Args:
        num_microphones: Channels of the waveform.
        num_tracks: Tracks of [`delays`][seldkit.models.NGCCPHAT.delays]; None for none.
        num_mels: Bands of the levels, and width of the projection.
        channels: Of the correlations.
        out_channels: Likewise, for each pair.
        max_lag: Largest lag, in samples.
        frame_length: Samples of a frame.
        sample_rate: Sampling rate, in hertz.
        dropout: Dropout within the projection.

    Examples:
        >>> front = NGCCPHAT(channels=8, out_channels=4, num_tracks=3)
        >>> frames = torch.randn(1, 4, 10, 480)
        >>> front(frames).shape, front.delays(frames).shape
        (torch.Size([1, 28, 10, 64]), torch.Size([1, 10, 13, 3, 6]))
    """

    @plain_settings()
    def __init__(
        self,
        num_microphones: int = 4,
        *,
        num_tracks: int | None = None,
        num_mels: int = 64,
        channels: int = 32,
        out_channels: int = 16,
        max_lag: int = 6,
        frame_length: int = 480,
        sample_rate: int = 24000,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if num_microphones < 2:
            raise ValueError(f"num_microphones must be at least 2, got {num_microphones}")
        self.num_microphones, self.num_tracks, self.num_mels = num_microphones, num_tracks, num_mels
        self.channels, self.out_channels, self.max_lag = channels, out_channels, max_lag
        self.frame_length, self.sample_rate, self.dropout = frame_length, sample_rate, dropout
        pairs = num_microphones * (num_microphones - 1) // 2
        self.num_channels = num_microphones + pairs * out_channels
        self.correlation = NeuralCorrelation(
            channels=channels,
            out_channels=out_channels,
            max_lag=max_lag,
            frame_length=frame_length,
            sample_rate=sample_rate,
        )
        width = max(1, num_mels // 2)
        self.projection = nn.Sequential(
            OrderedDict(
                expand=nn.Linear(2 * max_lag + 1, width),
                norm=nn.LayerNorm(width),
                gelu=nn.GELU(),
                dropout=nn.Dropout(dropout),
                reduce=nn.Linear(width, num_mels),
            )
        )
        self.delay = (
            None if num_tracks is None else nn.Conv1d(out_channels, num_tracks, 3, padding="same")
        )
        window = 2 * frame_length
        # The published spectrum is divided by the window's root of summed squares.
        power = 3 / 8 * window
        with torch.device("cpu"):  # tables have values, also in a network that has none yet
            stft = STFT(
                n_fft=2 ** (window - 1).bit_length(),
                win_length=window,
                hop_length=frame_length,
                sample_rate=sample_rate,
                last_frame=False,
            )
            bank = MelFilterBank(
                num_mels,
                n_fft=stft.n_fft,
                sample_rate=sample_rate,
                mel_scale="htk",
                norm="slaney",
            )
            level = LogMel(bank, floor=1e-10 * power, top_db=80.0, top_db_per="clip")
        self.stft = stft.to(torch.get_default_device())
        self.level = level.to(torch.get_default_device())
        self._power_db = 10 * math.log10(power)

    def forward(
        self, frames: Float[Tensor, "batch channel time sample"]
    ) -> Float[Tensor, "batch out time freq"]:
        """Return levels and projected correlations."""
        self._check(frames)
        return self._features(frames, self.correlation(frames))

    def delays(
        self, frames: Float[Tensor, "batch channel time sample"]
    ) -> Float[Tensor, "batch time lag track pair"]:
        """Return logits of the delay of each pair, for [`tdoa_loss`][seldkit.losses.tdoa_loss].

        Raises:
            ValueError: If it was made without tracks.
        """
        self._check(frames)
        return self._delays(self.correlation(frames))

    def with_delays(
        self, frames: Float[Tensor, "batch channel time sample"]
    ) -> tuple[Float[Tensor, "batch out time freq"], Float[Tensor, "batch time lag track pair"]]:
        """Return both, from correlations that are computed once."""
        self._check(frames)
        lags = self.correlation(frames)
        return self._features(frames, lags), self._delays(lags)

    def _check(self, frames: Tensor) -> None:
        sizes = {"channel": self.num_microphones, "sample": self.frame_length}
        check_shape("frames", frames, "batch channel time sample", **sizes)
        if frames.shape[2] < 2:
            raise ValueError(f"frames must be at least 2, got shape {tuple(frames.shape)}")

    def _features(self, frames: Tensor, lags: Tensor) -> Tensor:
        waveform = frames.flatten(2)
        with without_autocast(frames):
            level = self.level(self._spectrum(waveform)) - self._power_db
        learnt = self.projection(lags.flatten(1, 2))
        return torch.cat((level.to(learnt.dtype), learnt), dim=1)

    def _spectrum(self, waveform: Float[Tensor, "batch channel sample"]) -> Any:
        if not torch.compiler.is_exporting():
            return self.stft(waveform)
        # Run times such as ONNX lack complex numbers.
        waveform = widened(waveform)
        half = self.stft.n_fft // 2
        signals = functional.pad(waveform.flatten(0, 1), (half, half), mode="reflect").unsqueeze(1)
        basis = real_basis(self.stft.window).to(signals.dtype)
        bins = functional.conv1d(signals, basis, stride=self.frame_length)
        frames = waveform.shape[2] // self.frame_length
        real, imag = bins[..., :frames].mT.unflatten(0, waveform.shape[:2]).chunk(2, dim=3)
        return RealSpectrum(real, imag)

    def _delays(self, lags: Float[Tensor, "batch pair out time lag"]) -> Tensor:
        if self.delay is None:
            raise ValueError("num_tracks must be given to tell delays, got None")
        rows = lags.transpose(2, 3)
        logits: Tensor = self.delay(rows.flatten(0, 2)).unflatten(0, rows.shape[:3])
        return logits.permute(0, 2, 4, 3, 1)


class NGCCSELD(nn.Module):
    """Features that are learnt from the waveform, and a network that reads them.

    Shape:
        - Input: waveforms in frames, `(batch, channel, time, sample)`.
        - Output: that of the network.

    Args:
        front: From frames to features.
        network: From features to the output of a format.
    """

    def __init__(self, *, front: NGCCPHAT, network: nn.Module) -> None:
        super().__init__()
        self.front, self.network = front, network

    def forward(self, frames: Float[Tensor, "batch channel time sample"]) -> SELDOutput | Tensor:
        """Return the output of the network."""
        output: SELDOutput | Tensor = self.network(self.front(frames))
        return output


@builder
@plain_settings()
def ngcc_seld(
    network: nn.Module,
    num_microphones: int = 4,
    *,
    num_tracks: int | None = None,
    num_mels: int = 64,
    channels: int = 32,
    out_channels: int = 16,
    max_lag: int = 6,
    frame_length: int = 480,
    sample_rate: int = 24000,
    dropout: float = 0.5,
) -> NGCCSELD:
    """Build a network that learns its correlations of microphones from the waveform.

    With four microphones its features have 4 + 6 * 16 = 100 channels. The published small system is
    of `cst_former(13, in_channels=100, hidden=(256,), distance=True, bounded=False)`.

    Args:
        network: Reads the features, such as what [`cst_former`][seldkit.models.cst_former] or
            [`seldnet`][seldkit.models.seldnet] builds.
        num_microphones: Channels of the waveform.
        num_tracks: Tracks that delays are told of, for pretraining; None for none.
        num_mels: Bands of the features.
        channels: Channels between the learnt filters.
        out_channels: Channels of the correlations of each pair.
        max_lag: Largest lag, in samples; 6 covers the tetrahedral array of DCASE at 24 kHz.
        frame_length: Samples of a frame;
            [`presets.ngcc_phat`][seldkit.features.presets.ngcc_phat] cuts them.
        sample_rate: Sampling rate, in hertz.
        dropout: Dropout of the projection.

    Returns:
        A network from waveforms in frames `(batch, channel, time, sample)` to the output of its
        format.

    Raises:
        ValueError: If a number is out of range, or the network reads another number of channels or
            bins.

    Source: Berg et al., "The LU system for DCASE 2024 sound event localization and detection
    challenge", DCASE 2024; sizes of the published code.

    Examples:
        >>> from seldkit.models import cst_former
        >>> network = cst_former(13, in_channels=100, hidden=(256,), distance=True, bounded=False)
        >>> ngcc_seld(network).eval()(torch.randn(1, 4, 20, 480)).shape
        torch.Size([1, 4, 3, 13, 4])
    """
    front = NGCCPHAT(
        num_microphones,
        num_tracks=num_tracks,
        num_mels=num_mels,
        channels=channels,
        out_channels=out_channels,
        max_lag=max_lag,
        frame_length=frame_length,
        sample_rate=sample_rate,
        dropout=dropout,
    )
    for name, wanted in (("in_channels", front.num_channels), ("num_bins", num_mels)):
        got = getattr(network, name, wanted)
        if got != wanted:
            raise ValueError(f"network must have {name}={wanted} of the features, got {got}")
    return NGCCSELD(front=front, network=network)
