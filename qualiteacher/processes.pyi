# Made from processes.py by tests/tools/stubs.py: edit the notebook, not this file.
from typing import Any
import torch
class Processes:
    rank: Any
    acc: Any
    device: Any
    trackers: str
    world: Any

    def __init__(self, device: str | None=None, trackers: str='', folder=None, timeout: float=1800) -> None:
        ...

    @property
    def main(self) -> Any:
        ...

    def gather(self, values: torch.Tensor) -> torch.Tensor:
        ...

    def collect(self, items: list) -> list:
        ...

    def total(self, *counts) -> list:
        ...

    def tell(self, value) -> Any:
        ...

    def wait(self) -> None:
        ...

    def mean_gradients(self, params) -> None:
        ...

    def share(self, module: torch.nn.Module) -> None:
        ...
