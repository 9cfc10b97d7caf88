# Made from threads.py by tests/tools/stubs.py: edit the notebook, not this file.
from typing import Any
def seconds_with(counts, rounds: int=5) -> dict:
    ...
class Threads:
    due: float
    chosen: list
    most: Any
    every: float
    measure: Any
    gain: float

    def __init__(self, every: float=10.0, measure=..., gain: float=0.9) -> None:
        ...

    def __enter__(self) -> Any:
        ...

    def __exit__(self, *_) -> None:
        ...

    def __call__(self) -> None:
        ...
def with_threads(items) -> Any:
    ...
