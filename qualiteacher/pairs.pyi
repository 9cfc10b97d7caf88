# Made from pairs.py by tests/tools/stubs.py: edit the notebook, not this file.
from typing import Any
from collections import namedtuple
from dataclasses import dataclass
from typing import Callable
@dataclass(frozen=True)
class Layout:
    task: str
    parts: dict
    truth_of: Callable = ...
    border: int = ...

    def tree(self, root='DIR') -> Any:
        ...
LAYOUTS: dict
Pair = namedtuple('Pair', 'name input truth scene')
def match(inputs, truths, truth_of=..., prefix: str='') -> list:
    ...
class PairSet:
    pairs: Any
    task: str
    short: int
    border: int

    def __init__(self, pairs: list, task: str | None=None, short: int | None=None, border: int=0) -> None:
        ...

    def __len__(self) -> Any:
        ...

    @property
    def truth(self) -> Any:
        ...

    @property
    def names(self) -> Any:
        ...

    @property
    def scenes(self) -> Any:
        ...

    def __getitem__(self, i) -> Any:
        ...
def dataset(spec: str, part: str='test', short: int | None=None) -> PairSet:
    ...
def pair_measures(features=None) -> dict:
    ...
def measure_pairs(models: dict, data: PairSet, measures: dict | None=None, progress: bool=False) -> list:
    ...
def pair_table(rows: list) -> dict:
    ...
def paired_difference(rows: list, row: str, against: str, measure: str) -> tuple:
    ...
