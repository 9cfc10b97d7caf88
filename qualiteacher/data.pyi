# Made from data.py by tests/tools/stubs.py: edit the notebook, not this file.
from typing import Any
from pathlib import Path
import torch
def generator(seed: int, *parts) -> torch.Generator:
    ...
def prepare(raw, short: int | None=None, name: str='picture') -> torch.Tensor:
    ...
def fingerprint(raw) -> str:
    ...
class _Files:
    paths: Any
    root: Path

    def __init__(self, paths, root) -> None:
        ...

    def __len__(self) -> Any:
        ...

    def get(self, i) -> Any:
        ...
FIELDS: tuple
KEYS: tuple
class _Rows:
    data: Any
    how: tuple

    def __init__(self, data, column=None, key=None) -> None:
        ...

    def __len__(self) -> Any:
        ...

    def get(self, i) -> Any:
        ...
class Pictures:
    problems: dict
    origin: Any
    cache: Any
    source: Any
    short: Any
    memory: Any

    def __init__(self, source, short=None, cache=None, memory=..., origin=None) -> None:
        ...

    def __len__(self) -> Any:
        ...

    def __getstate__(self) -> Any:
        ...

    def read(self, i: int) -> tuple:
        ...

    def keep(self, i, key, x) -> None:
        ...

    def kept(self, i) -> Any:
        ...

    def __getitem__(self, i) -> Any:
        ...

    def key(self, i) -> Any:
        ...
class _Spooled:
    entries: Any

    def __init__(self, entries) -> None:
        ...

    def __len__(self) -> Any:
        ...

    def get(self, i) -> Any:
        ...
def as_pictures(source, short: int | None=None, cache=None, memory: int=..., column: str | None=None, key: str | None=None, length: int | None=None) -> Pictures:
    ...
def owned(n: int, rank: int=0, world: int=1) -> list:
    ...
def visit_order(n: int, seed: int, epoch: int, place: int=0) -> torch.Tensor:
    ...
def batch_at(step: int, n: int, batch: int, seed: int=0, rank: int=0, world: int=1) -> list:
    ...
class _Ask:
    make: Any

    def __init__(self, make) -> None:
        ...

    def __iter__(self) -> Any:
        ...
class _Stream:

    def __iter__(self) -> Any:
        ...

    def __next__(self) -> Any:
        ...

    def __enter__(self) -> Any:
        ...

    def __exit__(self, *_) -> None:
        ...

    def close(self) -> None:
        ...
class _Reader:
    pictures: Any

    def __init__(self, pictures) -> None:
        ...

    def __getitem__(self, i) -> Any:
        ...
class PictureStream(_Stream):
    how: tuple
    bad: Any
    own: Any
    rank: int
    world: int
    device: Any
    step: int
    pictures: Any
    n: Any
    batch: int
    seed: int

    def __init__(self, pictures, batch: int, seed: int=0, start: int=0, rank: int=0, world: int=1, workers: int=0, device=None, context: str | None=None) -> None:
        ...

    def indices(self, step: int) -> list:
        ...

    def visit(self, step: int) -> int:
        ...
class _PairReader:
    pairs: Any
    seed: Any
    mine: Any

    def __init__(self, pairs, batch, seed, rank, world) -> None:
        ...

    def __getitem__(self, step) -> Any:
        ...
class PairStream(_Stream):
    how: tuple
    data: Any
    step: int
    device: Any

    def __init__(self, pairs, batch: int, seed: int=0, start: int=0, rank: int=0, world: int=1, workers: int=0, device=None, context: str | None=None, crop: int | None=None) -> None:
        ...
def pair_crop(x: torch.Tensor, y: torch.Tensor, size: int, generator=None) -> list:
    ...
class CroppedPairs:
    data: Any
    crop: int
    problems: dict

    def __init__(self, data, crop: int) -> None:
        ...

    def batch(self, n: int, generator=None) -> tuple:
        ...
def match_names(inputs: list, truths: list) -> tuple:
    ...
class PairFolder:
    crops: Any
    x: Any
    y: Any
    names: Any
    crop: int
    sizes: list
    rule: Any
    twin: Any

    def __init__(self, inputs, truths, crop: int | None=None, short: int | None=None, cache=None, memory: int=..., match: list | None=None) -> None:
        ...

    def __len__(self) -> Any:
        ...

    def __getitem__(self, i) -> Any:
        ...

    def batch(self, n: int, generator=None) -> tuple:
        ...
