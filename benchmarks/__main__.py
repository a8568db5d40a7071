"""All benchmarks, or those that are named, by one command.

Run with `OMP_NUM_THREADS=2 PYTHONPATH=.:examples:tests python -m benchmarks [NAME ...]`: half an
hour, with `--quick` some minutes. It prints a table for each and, with `--out FOLDER`, writes
`results.md`, `results.json` and a plot of how costs grow, `growth.svg`.
"""

import argparse
import json
import platform
from collections.abc import Iterable, Iterator
from importlib import import_module
from itertools import tee
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import torch

from benchmarks import growth
from benchmarks.measuring import arguments
from benchmarks.rows import Row, markdown

NAMES = (
    *(
        "losses",
        "layers",
        "features",
        "localization",
        "augment",
        "synth",
        "data",
        "labels",
        "metrics",
    ),
    *("models", "streaming"),
)
"""The benchmarks in the order of the data's path; growth comes last."""


def machine() -> str:
    """Say what the figures were taken on."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return (
        f"{platform.machine()}, {torch.get_num_threads()} threads at most, {gpu},"
        f" Python {platform.python_version()}, PyTorch {torch.__version__}"
    )


def told(title: str, rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of a section, and print each as soon as it is there."""
    for line in ("", f"## {title.capitalize()}", "", *markdown(rows)):
        print(line, flush=True)
        yield line


def plot(growths: list[growth.Growth], path: Path) -> None:
    """Draw how costs grow, a panel for each room."""
    rooms = list(dict.fromkeys(each.room for each in growths))
    figure, panels = plt.subplots(-(-len(rooms) // 3), 3, figsize=(12, 8), squeeze=False)
    for room, panel in zip(rooms, panels.flat, strict=False):
        for each in growths:
            if each.room == room:
                times = [size / each.sizes[0] for size in each.sizes]
                label = f"{each.what}, {each.axis}: power {each.exponent:.2f}"
                panel.plot(times, each.costs, marker="o", label=label)
        panel.set_xscale("log", base=2)
        panel.set_yscale("log", base=2)
        for axis in (panel.xaxis, panel.yaxis):
            axis.set_major_formatter("{x:g}")
        panel.set(title=room, xlabel="times the least size", ylabel="times its cost")
        panel.legend(fontsize="small")
    for panel in panels.flat[len(rooms) :]:
        panel.axis("off")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}, growth")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where results are written")
    given = arguments(parser)
    unknown = set(given.names) - {*NAMES, "growth"}
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    lines = [f"On {machine()}."]
    results: dict[str, Any] = {"machine": machine()}
    growths: list[growth.Growth] = []
    for name in given.names or (*NAMES, "growth"):
        if name == "growth":
            growths = list(growth.growths(given.quick))
            rows = (each.row() for each in growths)
        else:
            rows = import_module(f"benchmarks.{name}").rows(given.quick)
        shown, kept = tee(rows)
        lines += told(name, shown)
        results[name] = [row.as_json() for row in kept]
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        if growths:
            plot(growths, given.out / "growth.svg")
            results["growth"] = [{**each._asdict(), "exponent": each.exponent} for each in growths]
            lines += ["", "![How costs grow with size](growth.svg)"]
        (given.out / "results.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
        text = json.dumps(results, indent=1, allow_nan=False)
        (given.out / "results.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
