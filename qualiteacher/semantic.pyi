# Made from semantic.py by tests/tools/stubs.py: edit the notebook, not this file.
from typing import Any
from pathlib import Path
import torch
from torch import nn
class SameConv(nn.Conv2d):

    def forward(self, x) -> Any:
        ...
class InvertedResidual(nn.Module):
    skip: Any
    look: Any
    narrow: Any
    widen: Any

    def __init__(self, i, o, k, s, widen) -> None:
        ...

    def forward(self, x) -> Any:
        ...
def fold(net: nn.Module) -> nn.Module:
    ...
def lite0_path() -> Path:
    ...
class EarlyFeatures(nn.Module):
    stages: Any
    stem: Any

    def __init__(self, stages: int=3, path=None) -> None:
        ...

    def train(self, mode=True) -> Any:
        ...

    def forward(self, x: torch.Tensor) -> list:
        ...
def map_statistics(maps: list, blocks: int | None=None) -> torch.Tensor:
    ...
def luminance_statistics(x: torch.Tensor, blocks: int | None=None, planes=None) -> torch.Tensor:
    ...
def trace_statistics(x: torch.Tensor, blocks: int | None=None, planes=None) -> torch.Tensor:
    ...
def feature_distance(maps: list, truth_maps: list) -> torch.Tensor:
    ...
def pseudo_mos(x: torch.Tensor, truth: torch.Tensor, maps: list, truth_maps: list) -> torch.Tensor:
    ...
KINDS: dict
def distort(x: torch.Tensor, kind: str, severity: float, generator=None) -> torch.Tensor:
    ...
def fit_ridge(X: torch.Tensor, y: torch.Tensor, strength: float=0.03, share=None, series=None) -> dict:
    ...
def predict_ridge(X: torch.Tensor, ridge: dict) -> torch.Tensor:
    ...
class SemanticScorer(nn.Module):
    min_size: int
    bytes_per_pixel: int
    PARTS: tuple
    features: EarlyFeatures

    def __init__(self, ridge=None, stages: int=3) -> None:
        ...

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        ...

    def describe(self, x: torch.Tensor) -> torch.Tensor:
        ...

    def score_blocks(self, x: torch.Tensor, blocks: int=1) -> tuple:
        ...

    @classmethod
    def from_examples(cls, images, targets, strength: float=0.03, stages: int=3) -> SemanticScorer:
        ...

    def save(self, path) -> None:
        ...
