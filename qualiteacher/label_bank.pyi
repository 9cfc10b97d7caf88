# Made from label_bank.py by tests/tools/stubs.py: edit the notebook, not this file.
from typing import Any
from collections import OrderedDict
import torch
FORMAT: int
class _Index:
    con: Any
    path: Any
    lock: Any

    def __init__(self, path, uri) -> None:
        ...

    def rows(self, sql, *args) -> Any:
        ...

    def value(self, sql, *args) -> Any:
        ...

    def close(self) -> None:
        ...

    def change(self) -> Any:
        ...
class _Cache:
    used: int
    items: OrderedDict
    size: Any
    lock: Any

    def __init__(self, size) -> None:
        ...

    def clear(self) -> None:
        ...

    def get(self, id) -> Any:
        ...

    def put(self, id, image) -> None:
        ...
class LabelBank:
    index: Any
    path: Any
    cache: Any
    refused: int
    worth: Any
    rank: str
    max_bytes: int
    name: str
    readonly: bool
    root: Any
    top_k: int
    max_age: int

    def __init__(self, root=None, top_k: int=3, max_age: int | None=None, rank: str='weighted', max_bytes: int | None=None, cache_bytes: int=..., name: str='bank', readonly: bool=False) -> None:
        ...

    def close(self) -> None:
        ...

    def best(self, key: str, only: list | None=None) -> list:
        ...

    def last(self, key: str, only: list | None=None) -> list:
        ...

    def best_scores(self, key) -> torch.Tensor:
        ...

    def last_scores(self, key) -> torch.Tensor:
        ...

    def best_score(self, key) -> Any:
        ...

    def seen(self, key, remembered=False) -> torch.Tensor:
        ...

    def keys(self) -> list:
        ...

    def __len__(self) -> Any:
        ...

    def scores(self) -> torch.Tensor:
        ...

    def add(self, key: str, labels: list, step: int=0, seen: list | None=None) -> None:
        ...

    def rewind(self, step: int) -> None:
        ...

    def prune(self, keep_step: int) -> int:
        ...

    def state_dict(self) -> dict:
        ...

    def load_state_dict(self, state: dict, step: int) -> None:
        ...

    def prefetch(self, keys, lists=...) -> None:
        ...

    def history(self, key: str) -> list:
        ...

    def report(self, truth: dict={}) -> dict:
        ...
