"""Ambient noise: a diffuse sound field, from everywhere at once."""

import math

import numpy as np
from numpy.typing import NDArray

from seldkit._typing import Float
from seldkit.synth.receiver import FOA, Receiver

FLAT_BELOW_HZ = 50.0


def diffuse_noise(
    generator: np.random.Generator,
    num_samples: int,
    sample_rate: int,
    *,
    tilt_db: float,
    receiver: Receiver = FOA,
) -> Float[NDArray[np.float32], "channel sample"]:
    """Return the noise of an isotropic field, with unit power on the first channel.

    In first-order ambisonics the channels are independent, and each dipole has a third of W's power
    (SN3D). Microphones of an array have equal power, and are the more alike the nearer they are.

    Args:
        generator: Source of randomness.
        num_samples: Length.
        sample_rate: In hertz.
        tilt_db: Slope of the spectrum above 50 Hz, in dB per octave; rooms have about -5.
        receiver: The microphones.
    """
    from scipy import fft

    length = fft.next_fast_len(num_samples, real=True)
    hertz = fft.rfftfreq(length, 1 / sample_rate)
    slope = tilt_db / (20 * math.log10(2))
    gain = (np.maximum(hertz / FLAT_BELOW_HZ, 1) ** slope).astype(np.float32)
    gain[0] = 0
    white = generator.standard_normal((receiver.num_channels, length), dtype=np.float32)
    coloured = fft.irfft(fft.rfft(white) * gain, length)[:, :num_samples]
    noise = receiver.diffuse(receiver.correlate(coloured, sample_rate))
    noise /= np.sqrt(np.square(noise[0]).mean())
    return noise
