# Made from real_pairs.py by tests/tools/stubs.py: edit the notebook, not this file.
from dataclasses import dataclass
@dataclass
class Claims:
    runs: dict
    lines: list
    curve: list

    @classmethod
    def read(cls, folder='data') -> Claims:
        ...
KEYS: tuple
def values(claims: Claims, measure: str, row: str='asked', **where) -> dict:
    ...
def mean_error(v: dict) -> tuple:
    ...
def minus(a: dict, b: dict) -> dict:
    ...
MEASURED: tuple
def claim_table(claims: Claims, task: str, part: str='test', base: str | None=None, measures=...) -> dict:
    ...
def gains(claims: Claims, arm: str, against: str, measure: str='psnr', rho: str='rho', **where) -> dict:
    ...
