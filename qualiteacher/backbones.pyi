# Made from backbones.py by tests/tools/stubs.py: edit the notebook, not this file.
from typing import Any
from pathlib import Path
import torch
from torch import nn
class ResBlock(nn.Module):
    conv1: Any
    conv2: Any

    def __init__(self, c: int) -> None:
        ...

    def forward(self, x) -> Any:
        ...
def shuffle(x: torch.Tensor) -> torch.Tensor:
    ...
class RestorationUNet(nn.Module):
    see: Any
    head: Any
    up0: Any
    dec0: ResBlock
    up1: Any
    dec1: ResBlock
    middle: Any
    enc1: ResBlock
    down1: Any
    enc0: ResBlock
    down0: Any
    stem: Any
    first: Any
    prepared: bool
    gain: bool
    context: int
    whole: Any

    def __init__(self, width: int=24, gain: bool=True, context: int=0, first: str | None=None) -> None:
        ...

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        ...

    def overview(self, x: torch.Tensor) -> torch.Tensor:
        ...

    def first_step(self, x: torch.Tensor) -> torch.Tensor:
        ...
SITES: tuple
def random_crop(x: torch.Tensor, size: int, generator=None) -> torch.Tensor:
    ...
class Pairs:
    degrade: Any
    size: int
    leaves: float
    pool: Any
    photos: list

    def __init__(self, paths, degrade, size: int=96, leaves: float=0.25, short: int=256) -> None:
        ...

    def batch(self, n: int, generator=None) -> tuple:
        ...
def train_supervised(net: nn.Module, pairs, steps: int=1000, lr: float=0.001, batch: int=8, seed: int=0, progress: bool=True, error=...) -> list:
    ...
def weights_path(name: str) -> Path:
    ...
