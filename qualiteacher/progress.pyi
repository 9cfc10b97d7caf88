# Made from progress.py by tests/tools/stubs.py: edit the notebook, not this file.
from typing import Any
class Progress:
    last: float
    bar: Any
    t: Any
    on: Any
    every: Any
    start: Any
    first: Any

    def __init__(self, t, on, every=30.0) -> None:
        ...

    def __enter__(self) -> Any:
        ...

    def __exit__(self, *_) -> None:
        ...

    def line(self, logs) -> Any:
        ...

    def show(self, logs) -> None:
        ...
class _Interrupt:
    asked: bool
    old: dict

    def __enter__(self) -> Any:
        ...

    def __exit__(self, *_) -> None:
        ...
def plot_history(rows: list, fig=None) -> Any:
    ...
class LivePlot:
    handle: Any
    fig: Any
    every: int

    def __init__(self, every: int=10) -> None:
        ...

    def __call__(self, t, logs) -> None:
        ...
