# Made from conditioning.py by tests/tools/stubs.py: edit the notebook, not this file.
from typing import Any
import threading
from collections import namedtuple
import torch
from torch import nn
TOP_LEVEL: int
def as_level(quality, x: torch.Tensor) -> torch.Tensor:
    ...
def encode_level(q: torch.Tensor, dim: int=32) -> torch.Tensor:
    ...
class QualityEmbedding(nn.Module):
    table: Any
    bins: bool

    def __init__(self, channels: int, bins: bool=False) -> None:
        ...

    def forward(self, h, q) -> Any:
        ...

    def embed(self, q: torch.Tensor) -> torch.Tensor:
        ...
def level_mlp(out: int, hidden: int=128, dim: int=32) -> nn.Module:
    ...
class SinusoidalQuality(nn.Module):
    mlp: Any

    def __init__(self, channels: int, hidden: int=128) -> None:
        ...

    def embed(self, q: torch.Tensor) -> torch.Tensor:
        ...

    def forward(self, h, q) -> Any:
        ...
class FiLMQuality(SinusoidalQuality):

    def __init__(self, channels: int, hidden: int=128) -> None:
        ...

    def forward(self, h, q) -> Any:
        ...
Feature = namedtuple('Feature', 'name shape used')
def trace_features(net: nn.Module, example: torch.Tensor | None=None) -> list:
    ...
def find_bottleneck(net: nn.Module, example: torch.Tensor | None=None) -> str:
    ...
class _Dial(threading.local):
    level: Any
    reached: tuple

    def __init__(self) -> None:
        ...

    def __reduce__(self) -> Any:
        ...
class _Site(nn.Module):
    name: Any
    channels: Any
    layer: Any
    dial: Any

    def __init__(self, name, channels, layer, dial) -> None:
        ...

    def inject(self, module, args, h) -> Any:
        ...

    def extra_repr(self) -> Any:
        ...
KINDS: Any
class QualityConditioned(nn.Module):
    condition: Any
    sites: Any
    net: nn.Module
    kind: Any
    dial: Any

    def __init__(self, net: nn.Module, at='auto', kind='sinusoidal', channels: int | None=None, example: torch.Tensor | None=None) -> None:
        ...

    def forward(self, x: torch.Tensor, *args, quality=None, **kwargs) -> Any:
        ...

    def extra_repr(self) -> Any:
        ...

    @property
    def injected(self) -> Any:
        ...

    def condition_parameters(self) -> Any:
        ...

    def unwrap(self) -> Any:
        ...

    def prefix_cache(self) -> Any:
        ...
class CannotShare(RuntimeError):
    ...
class _Now(threading.local):
    prefix: Any
class _Prefix:
    calls: int
    stamps: Any
    inputs: Any
    key: Any
    kept: dict
    playing: Any
    dial: Any
    root: Any

    def __init__(self, dial, root) -> None:
        ...

    def begin(self, inputs) -> None:
        ...

    def seal(self, module, args, out) -> None:
        ...

    def call(self, module, args, kwargs) -> Any:
        ...

    def keep(self, n, module, args, kwargs, before, y) -> None:
        ...
