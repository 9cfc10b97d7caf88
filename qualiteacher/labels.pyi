# Made from labels.py by tests/tools/stubs.py: edit the notebook, not this file.
from typing import Any
from dataclasses import dataclass
import torch
class Gate:
    seen: Any
    passed: int
    dropped: int
    quantile: float
    threshold: float
    warmup: int

    def __init__(self, quantile: float=0.9, threshold: float | None=None, warmup: int=16) -> None:
        ...

    def limit(self) -> float:
        ...

    def __call__(self, values: torch.Tensor, gather=...) -> torch.Tensor:
        ...

    def state_dict(self) -> dict:
        ...

    def load_state_dict(self, s: dict) -> None:
        ...
class Gates:
    metric: Gate
    views: Gate
    gather: Any

    def __init__(self, metric: Gate, views: Gate, gather=None) -> None:
        ...

    def counts(self) -> dict:
        ...

    def state_dict(self) -> Any:
        ...

    def load_state_dict(self, s) -> None:
        ...

    def __call__(self, proposals) -> Any:
        ...
def relative_level(S: torch.Tensor, reference: torch.Tensor, by: str='rank') -> torch.Tensor:
    ...
@dataclass(frozen=True)
class Label:
    image: torch.Tensor
    grid: torch.Tensor
    score: float
    per_metric: dict
    name: str
    step: int

    def tensors(self) -> Any:
        ...
def make_labels(proposal, keep: torch.Tensor, step: int=0) -> list:
    ...
WEBP_SIDE: int
def encode_label(image: torch.Tensor) -> bytes:
    ...
def decode_label(data: bytes) -> torch.Tensor:
    ...
