"""A learning rate in three stages: up, level, down."""

from seldkit._checks import check_count, check_number, check_positive, integer


def tri_stage(
    step: int,
    num_steps: int,
    *,
    warmup: float = 0.1,
    hold: float = 0.6,
    first: float = 0.01,
    last: float = 0.05,
) -> float:
    """Return the share of the highest learning rate at a step of a run.

    It rises by a line from `first` to 1, stays there, and falls exponentially to `last`, where it
    remains.

    Source: Park et al., "SpecAugment", Interspeech 2019, section 3.2; settings of NERC-SLIP, arXiv
    2501.10755: 100,000 steps, Adam with a highest rate of 0.001.

    Args:
        step: Steps done, from 0.
        num_steps: Steps of the run.
        warmup: Share of the steps in which it rises.
        hold: Share of the steps in which it stays; what is left after both, it falls.
        first: Share of the rate at the first step.
        last: Share of the rate at the end.

    Returns:
        A number from `first` or `last` to 1, as
        [`LambdaLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LambdaLR.html)
        multiplies the rate of an optimizer with.

    Raises:
        TypeError: If a value is no number, or steps are no integers.
        ValueError: If the step is negative, there are no steps, shares of the steps are negative or
            more than 1 together, or those of the rate are not in (0, 1].

    Examples:
        >>> [round(tri_stage(step, 1000), 3) for step in (0, 50, 100, 700, 850, 1000)]
        [0.01, 0.505, 1.0, 1.0, 0.224, 0.05]
        >>> import torch
        >>> optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=1e-3)
        >>> def share(step):
        ...     return tri_stage(step, 100_000)
        >>> scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
        >>> scheduler.get_last_lr()
        [1e-05]
    """
    check_count(num_steps=num_steps)
    check_number(warmup=warmup, hold=hold)
    step = integer("step", step)
    if step < 0:
        raise ValueError(f"step must be at least 0, got {step}")
    if not (min(warmup, hold) >= 0 and warmup + hold <= 1):
        raise ValueError(
            f"warmup and hold must be from 0 up and at most 1 together, got {warmup} and {hold}"
        )
    check_positive(first=first, last=last)
    if max(first, last) > 1:
        raise ValueError(f"first and last must be in (0, 1], got {first} and {last}")
    rise, level = warmup * num_steps, (warmup + hold) * num_steps
    if step < rise:
        return first + (1 - first) * step / rise
    if step <= level:
        return 1.0
    if step >= num_steps:
        return float(last)
    return float(last ** ((step - level) / (num_steps - level)))
