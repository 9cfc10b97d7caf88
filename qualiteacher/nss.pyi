# Made from nss.py by tests/tools/stubs.py: edit the notebook, not this file.
from typing import Any
import torch
from torch import nn
RGB601: Any
def luminance(x: torch.Tensor, weights: tuple=..., rounded: bool=True, dtype=...) -> torch.Tensor:
    ...
WINDOW: Any
EXCESS: float
def mscn(y: torch.Tensor) -> torch.Tensor:
    ...
def shape_from_ratio(ratio: torch.Tensor, rounded: bool=False) -> torch.Tensor:
    ...
TINY: float
def fit_ggd(z: torch.Tensor, rounded: bool=False) -> tuple:
    ...
def region_means(v: torch.Tensor, blocks: int=1, square: bool=False) -> torch.Tensor:
    ...
def fit_aggd(z: torch.Tensor, rounded: bool=False) -> tuple:
    ...
BICUBIC: Any
SHIFTS: tuple
def half_size(y: torch.Tensor, taps: tuple=...) -> torch.Tensor:
    ...
def scene_statistics(z: torch.Tensor, rounded: bool=False) -> torch.Tensor:
    ...
def brisque_features(x: torch.Tensor, weights: tuple=..., taps: tuple=..., rounded: bool=True, dtype=..., blocks: int | None=None) -> torch.Tensor:
    ...
def read_libsvm(model_path, range_path) -> dict:
    ...
class SceneScorer(nn.Module):
    min_size: int
    bytes_per_pixel: int
    dtype: Any

    @property
    def precision(self) -> Any:
        ...

    @precision.setter
    def precision(self, name) -> None:
        ...

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        ...

    def score_blocks(self, x: torch.Tensor, blocks: int=1) -> tuple:
        ...
class BRISQUE(SceneScorer):
    recipe: dict
    precision: str

    def __init__(self, model: dict | None=None, precision: str='float64', **recipe) -> None:
        ...

    def score_features(self, f: torch.Tensor) -> torch.Tensor:
        ...

    @classmethod
    def from_libsvm(cls, model_path, range_path, **kwargs) -> BRISQUE:
        ...
def patch_features(x: torch.Tensor, step: int=96, rounded: bool=False, crop: bool=False, size: int=96, dtype=...) -> tuple:
    ...
def fit_pristine(images, sharp: float=0.75, step: int=48) -> dict:
    ...
class NSSDistance(SceneScorer):
    prior: float
    rounded: bool
    crop: bool
    precision: str

    def __init__(self, pristine=None, prior: float=36.0, rounded: bool=False, crop: bool=False, precision: str='float64') -> None:
        ...

    def distance(self, f: torch.Tensor, share=None) -> torch.Tensor:
        ...

    @classmethod
    def from_niqe(cls, path, **kwargs) -> NSSDistance:
        ...
def attack(judge, x: torch.Tensor, steps: int=10, size: float=...) -> torch.Tensor:
    ...
