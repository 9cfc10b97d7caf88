# Made from degraded_reference.py by tests/tools/stubs.py: edit the notebook, not this file.
from typing import Any
from typing import Callable
import torch
from torch import nn
from .iqa import IQAEnsemble, Metric
GOOD_STD: float
def exposures(x: torch.Tensor, mean: float=..., std: float=..., n: int=9) -> tuple:
    ...
def noise_of(v: torch.Tensor) -> torch.Tensor:
    ...
def fine_error(y: torch.Tensor, detail: torch.Tensor, noise, contrast=1.0, blocks: int=1) -> torch.Tensor:
    ...
class Reference:
    noise: Any
    bright: Any
    detail: Any
    half: Any
    means: Any
    coarse: Any
    weights: Any
    size: Any
    cell: int

    def __init__(self, x: torch.Tensor, hypotheses: Callable=..., cell: int=8) -> None:
        ...

    def fine(self, y, blocks=1) -> Any:
        ...

    def errors(self, y: torch.Tensor, align: bool=False, blocks: int=1, fine=None) -> torch.Tensor:
        ...

    def expected_psnr(self, y: torch.Tensor, align: bool=False, blocks: int=1, fine=None) -> torch.Tensor:
        ...

    def evidence(self, y: torch.Tensor) -> torch.Tensor:
        ...
class _Expected:
    bytes_per_pixel: int
    ref: Any
    align: Any

    def __init__(self, ref, align) -> None:
        ...

    def __call__(self, y) -> Any:
        ...

    def score_blocks(self, y, blocks) -> Any:
        ...
class _Seen(Metric):

    @property
    def has_gradient(self) -> Any:
        ...
SEEN: dict
class DegradedReference(IQAEnsemble):
    seen_calibration: dict
    seen: dict
    others: Any
    hypotheses: Callable
    beside: Any

    def __init__(self, hypotheses: Callable=..., exposed: float=0.5, aligned: float=0.5, others: dict | None=None, plain: dict | None=None, **kwargs) -> None:
        ...

    @property
    def members(self) -> Any:
        ...

    def seeing(self, x: torch.Tensor) -> IQAEnsemble:
        ...

    def calibrate(self, images, show: bool=True, inputs=None) -> dict:
        ...

    def calibration_state(self) -> dict:
        ...

    def load_calibration(self, state: dict) -> None:
        ...
EVIDENCE: tuple
class Comparing(nn.Module):
    mean: Any
    std: Any
    weight: Any

    def __init__(self, n: int=...) -> None:
        ...

    def forward(self, e: torch.Tensor) -> torch.Tensor:
        ...

    @classmethod
    def fit(cls, evidence: list, quality: list, shrink: float=0.01, steps: int=100) -> Any:
        ...
