# Made from training.py by tests/tools/stubs.py: edit the notebook, not this file.
from typing import Any
from dataclasses import dataclass
import torch
from .data import PairStream
from .teacher import PseudoLabeler
from .labels import Gates
from .label_bank import LabelBank
from .processes import Processes
from .settings import Config as Config
def training_step(t) -> dict:
    ...
def reward_losses(t, rewarded) -> dict:
    ...
def without_gradient(iqa, names) -> Any:
    ...
def open_reward(iqa, x: torch.Tensor) -> torch.Tensor:
    ...
class QualiTeacher:
    saved: Any
    rows: list
    step: int
    trained: Any
    stopped: str
    start: Any
    shares: Any
    totals: dict
    now: Any
    stream: Any
    pair_stream: PairStream
    bank: LabelBank
    gates: Gates
    labeler: PseudoLabeler
    reward: Any
    iqa: Any
    sees: Any
    own_reward: Any
    opt: Any
    distance: Any
    net: Any
    earlier: Any
    teacher: Any
    student: Any
    others: Any
    real: Any
    device: Any
    processes: Processes
    about: Any
    folder: Any
    cfg: Any
    pairs: Any
    on_step: Any

    def __init__(self, student, iqa, real, pairs, cfg: Config | None=None, out=None, device: str | None=None, on_step: list=..., reward=None, about: dict | None=None, others=None) -> None:
        ...

    @property
    def out(self) -> Any:
        ...

    @property
    def history(self) -> Any:
        ...

    @property
    def meter(self) -> Any:
        ...

    def judge_of(self, x: torch.Tensor) -> Any:
        ...

    def reward_of(self, x: torch.Tensor) -> Any:
        ...

    def draws(self, *what) -> Any:
        ...

    def close(self) -> None:
        ...

    def next_batch(self) -> Any:
        ...

    def refresh_due(self) -> Any:
        ...

    def others_of(self, pictures) -> Any:
        ...

    def remember(self, pictures, proposals, keep) -> None:
        ...

    def copy_earlier(self) -> None:
        ...

    def labels_of(self, key, draw=None) -> Any:
        ...

    def level_of(self, key, label) -> Any:
        ...

    def student_batch(self, pictures) -> Any:
        ...

    def rewarded(self, pictures) -> Any:
        ...

    def label_scores(self, keys) -> Any:
        ...

    def second_look(self, keys, x, i=0) -> Any:
        ...

    def count(self, **rows) -> None:
        ...

    def mean(self, name, values) -> Any:
        ...

    def autocast(self) -> Any:
        ...

    def ask(self, x, level=None) -> Any:
        ...

    def ask_reward(self, x, level) -> Any:
        ...

    def weight_of(self, name) -> Any:
        ...

    def share_due(self) -> Any:
        ...

    def gradient_shares(self, losses: dict) -> dict:
        ...

    def descend(self, losses: dict) -> bool:
        ...

    def read(self, done: dict) -> dict:
        ...

    def log(self, row) -> None:
        ...

    def fit(self, progress: bool=True) -> Any:
        ...

    def begin(self) -> None:
        ...

    def sample(self, n: int) -> list:
        ...

    def calibrate(self, n: int=16) -> dict:
        ...

    def level_counts(self) -> dict:
        ...

    def mean_shares(self) -> dict:
        ...

    def label_report(self) -> dict:
        ...

    def describe(self, report: dict | None=None) -> str:
        ...

    def state_dict(self) -> dict:
        ...

    def load_state_dict(self, s) -> Any:
        ...

    def save(self) -> Any:
        ...

    def preview(self) -> None:
        ...

    @classmethod
    def resume(cls, path, student, iqa, real, pairs, **kwargs) -> Any:
        ...
@dataclass
class Batch:
    augmented: torch.Tensor | None = ...
    x: torch.Tensor | None = ...
    label: torch.Tensor | None = ...
    weights: torch.Tensor | None = ...
    level: torch.Tensor | None = ...
