# Made from teacher.py by tests/tools/stubs.py: edit the notebook, not this file.
from typing import Any
from dataclasses import dataclass
from typing import Callable
import torch
from torch import nn
class EMATeacher(nn.Module):
    updates: int
    net: Any
    decay: float
    warmup: bool
    average_buffers: bool

    def __init__(self, student: nn.Module, decay: float=0.998, warmup: bool=True, average_buffers: bool=False) -> None:
        ...

    def train(self, mode=True) -> Any:
        ...

    def current_decay(self) -> float:
        ...

    def update(self, student: nn.Module) -> None:
        ...

    def forward(self, x: torch.Tensor, quality=None) -> torch.Tensor:
        ...

    def get_extra_state(self) -> Any:
        ...

    def set_extra_state(self, state) -> None:
        ...
def brighten(x: torch.Tensor, gain: float=2.0) -> torch.Tensor:
    ...
@dataclass(frozen=True)
class View:
    name: str
    forward: Callable = ...
    inverse: Callable = ...
    geometric: bool = ...
    finish: Callable | None = ...
IDENTITY: View
GEOMETRIC: list
EXPOSURE: list
SCALES: list
BRIGHTER: list
STRENGTHS: list
RECIPES: dict
@dataclass
class Proposal:
    names: list
    candidates: torch.Tensor
    scores: object
    grids: torch.Tensor
    geometric: torch.Tensor
def as_views(recipe) -> list:
    ...
def by_shape(f, xs: list) -> list:
    ...
class PseudoLabeler:
    geometric: Any
    names: list
    views: Any
    quality: Any
    blocks: int
    teacher: nn.Module
    iqa: Any

    def __init__(self, teacher: nn.Module, iqa, recipe='paper', quality=None, blocks: int=2, earlier: nn.Module | None=None) -> None:
        ...

    def propose(self, x) -> Any:
        ...

    def __call__(self, x, more=None) -> Any:
        ...
def between_share(groups: list) -> float:
    ...
