# Made from pyramid.py by tests/tools/stubs.py: edit the notebook, not this file.
from typing import Any
from pathlib import Path
import torch
from torch import nn
from .backbones import Pairs, ResBlock
def bands(x: torch.Tensor) -> tuple:
    ...
def shrink(band: torch.Tensor, variance: torch.Tensor) -> torch.Tensor:
    ...
def roughness(x: torch.Tensor) -> torch.Tensor:
    ...
def cleaning(light: torch.Tensor, rough: torch.Tensor, some=...) -> torch.Tensor:
    ...
class PyramidNet(nn.Module):
    head: Any
    up0: Any
    dec0: ResBlock
    up1: Any
    dec1: ResBlock
    middle: Any
    see: Any
    enc1: ResBlock
    down1: Any
    enc0: ResBlock
    down0: Any
    stem: Any
    width: int
    first: str

    def __init__(self, width: int=32, first: str | None=None) -> None:
        ...

    def needs(self, x: torch.Tensor) -> Any:
        ...

    def look(self, x: torch.Tensor, shown: torch.Tensor) -> torch.Tensor:
        ...

    def decide(self, seen: torch.Tensor) -> tuple:
        ...

    def rebuild(self, shown: torch.Tensor, gain: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
        ...

    def forward(self, x: torch.Tensor, decide: bool=False) -> torch.Tensor:
        ...
class FilePairs(Pairs):
    task: str

    def __init__(self, paths, task: str, size: int=192, leaves: float=0.15, short: int=320) -> None:
        ...

    def batch(self, n: int, generator=None) -> tuple:
        ...
def base_card(name: str | Path='lowlight') -> dict:
    ...
def load_base(name: str | Path='lowlight') -> nn.Module:
    ...
