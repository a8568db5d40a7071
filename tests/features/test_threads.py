"""Little work is done on one thread, much on all."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from seldkit.features import STFT, FeatureExtractor, Part
from seldkit.features.threads import one_thread_for_little


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    """Have two threads for a test."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


class Threads(Part):
    """A part whose features are the number of threads."""

    lookback = lookahead = 0

    def forward(self, spectrum: Tensor) -> Tensor:
        """Return it everywhere."""
        return torch.full_like(spectrum.real, torch.get_num_threads())


def test_little_is_done_on_one_thread_and_much_on_all() -> None:
    for samples, inside in ((1, 1), (2**20, 1), (2**20 + 1, 2)):
        with one_thread_for_little(samples):
            assert torch.get_num_threads() == inside
        assert torch.get_num_threads() == 2


def test_threads_are_given_back_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), one_thread_for_little(1):
        1 / 0  # noqa: B018
    assert torch.get_num_threads() == 2


def test_extractors_and_streams_have_few_frames_on_one_thread() -> None:
    extractor = FeatureExtractor(STFT(n_fft=64, hop_length=64), [Threads()])
    assert (extractor(torch.zeros(1, 4, 640, requires_grad=True)) == 1).all()  # not in blocks
    frames = 2**20 // (4 * 64)  # as many as one thread does
    assert (extractor(torch.zeros(1, 4, 64 * (frames - 1))) == 1).all()
    assert (extractor(torch.zeros(1, 4, 64 * frames)) == 2).all()
    assert (extractor(torch.zeros(2, 4, 64 * frames // 2)) == 2).all()
    stream = extractor.stream()
    assert (stream.push(torch.zeros(4, 640)) == 1).all()
    assert (stream.push(torch.zeros(4, 64 * frames + 64)) == 2).all()
