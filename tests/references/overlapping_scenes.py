"""Scenes in which several sources sound at once, and what a clumsy system finds of them."""

import torch
from torch.nn.functional import normalize

from seldkit.events import Events

CLASSES = 4


def random_scene(
    seed: int, num_frames: int = 30, max_sources: int = 4, *, full: bool = False
) -> tuple[Events, Events]:
    """Return a prediction and its reference, with distances and on-screen flags.

    Each frame holds 0 to `max_sources` events of four classes. Some are missed, some found twice or
    taken for another class, and all are found a little beside.

    Args:
        seed: Same seed, same scene.
        num_frames: Length of the clip.
        max_sources: Most sources in a frame.
        full: Whether every frame has at least one source.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(low: int, high: int, size: int) -> torch.Tensor:
        return torch.randint(low, high, (size,), generator=generator)

    frame = torch.arange(num_frames).repeat_interleave(draw(int(full), max_sources + 1, num_frames))
    label = draw(0, CLASSES, len(frame))
    direction = torch.randn(len(frame), 3, generator=generator, dtype=torch.float64)
    distance = 1 + draw(0, 8, len(frame)) / 2
    onscreen = draw(0, 2, len(frame)).bool()
    reference = Events(
        frame,
        label,
        normalize(direction),
        distance=distance,
        onscreen=onscreen,
        num_frames=num_frames,
    )
    times = torch.tensor([0, 1, 1, 1, 2])[draw(0, 5, len(frame))]
    rows = torch.arange(len(frame)).repeat_interleave(times)
    mistaken = torch.where(draw(0, 4, len(rows)) == 0, draw(0, CLASSES, len(rows)), label[rows])
    noise = torch.randn(len(rows), 3, generator=generator, dtype=torch.float64)
    extra = draw(0, num_frames, 5)
    prediction = Events(
        torch.cat((frame[rows], extra)),
        torch.cat((mistaken, draw(0, CLASSES, 5))),
        normalize(torch.cat((normalize(direction)[rows] + 0.3 * noise, noise.new_ones(5, 3)))),
        distance=torch.cat((distance[rows] + 0.5, torch.ones(5))),
        onscreen=torch.cat((onscreen[rows], extra > 9)),
        num_frames=num_frames,
    )
    return prediction, reference
