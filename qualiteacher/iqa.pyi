# Made from iqa.py by tests/tools/stubs.py: edit the notebook, not this file.
from typing import Any
from dataclasses import dataclass
import torch
from torch import nn
@dataclass(frozen=True)
class ScoreSpec:
    name: str
    worst: float
    best: float
    min_size: int = ...
    code_licence: str = ...
    weight_licence: str = ...

    def __post_init__(self) -> None:
        ...

    def normalise(self, raw: torch.Tensor, clamp: bool=True) -> torch.Tensor:
        ...
def prepare(x: torch.Tensor, min_size: int=0, check: bool=True) -> torch.Tensor:
    ...
def tiles(x: torch.Tensor, blocks: int) -> torch.Tensor:
    ...
class Metric(nn.Module):
    scorer: Any
    spec: ScoreSpec
    gradient: bool

    def __init__(self, scorer, spec: ScoreSpec, gradient: bool=True) -> None:
        ...

    def forward(self, x, clamp=True, check=True) -> Any:
        ...

    def train(self, mode=True) -> Any:
        ...

    def raw(self, x, check=True) -> Any:
        ...

    @property
    def has_gradient(self) -> Any:
        ...
def find_weights(file: str, weights_dir=None) -> Any:
    ...
class _Fetching(BaseException):
    ...
def pyiqa_metric(name: str, worst: float | None=None, best: float | None=None, weights_dir=None, download: bool=False, **kwargs) -> Metric:
    ...
def score_to_level(S: torch.Tensor) -> torch.Tensor:
    ...
@dataclass
class Scores:
    per_metric: dict
    total: torch.Tensor
    raw: dict

    @property
    def level(self) -> Any:
        ...

    @property
    def disagreement(self) -> Any:
        ...
class Quantiles:
    knots: torch.Tensor

    def __init__(self, knots: torch.Tensor) -> None:
        ...

    def __call__(self, s) -> Any:
        ...

    @classmethod
    def fit(cls, s: torch.Tensor, n: int=17) -> Quantiles:
        ...
class IQAEnsemble(nn.Module):
    PRESETS: dict
    calibration: dict
    chunk_bytes: int
    metrics: Any
    weights: Any

    def __init__(self, weights: dict, weights_dir=None, download: bool=False, chunk_bytes: int | None=None, precision: str='float64') -> None:
        ...

    def train(self, mode=True) -> Any:
        ...

    @property
    def precision(self) -> Any:
        ...

    @precision.setter
    def precision(self, name) -> None:
        ...

    @classmethod
    def preset(cls, name: str='offline', **kwargs) -> IQAEnsemble:
        ...

    def score(self, x: torch.Tensor, check: bool=True) -> Scores:
        ...

    def reward(self, x: torch.Tensor, check: bool=True) -> torch.Tensor:
        ...

    @property
    def reward_coverage(self) -> Any:
        ...

    def live_share(self, x: torch.Tensor) -> float:
        ...

    def score_and_grid(self, x: torch.Tensor, blocks: int=2, check: bool=True) -> tuple:
        ...

    def block_weights(self, x: torch.Tensor, blocks: int=2) -> torch.Tensor:
        ...

    def calibrate(self, images, show: bool=True) -> dict:
        ...

    def calibration_state(self) -> dict:
        ...

    def load_calibration(self, state: dict) -> None:
        ...
def odd_pictures(x: torch.Tensor) -> dict:
    ...
REFUSED: tuple
def check_scorer(scorer, images, tol: float=1e-05) -> dict:
    ...
SERIES: dict
def series(x: torch.Tensor, kind: str, seed: int=0) -> torch.Tensor:
    ...
def grid_to_map(grid: torch.Tensor, size: tuple) -> torch.Tensor:
    ...
