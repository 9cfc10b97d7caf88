# Made from checkpoints.py by tests/tools/stubs.py: edit the notebook, not this file.
from typing import Any
from contextlib import contextmanager
from pathlib import Path
@contextmanager
def atomic_file(path: Path, mode='wb') -> Any:
    ...
FORMAT: int
class RunFolder:
    log_file: Any
    checkpoints: Any
    path: Path
    keep: int

    def __init__(self, path, keep: int=2) -> None:
        ...

    def log(self, row: dict) -> None:
        ...

    def history(self) -> list:
        ...

    def log_length(self) -> int:
        ...

    def cut_log(self, length: int) -> None:
        ...

    def steps(self) -> list:
        ...

    def latest(self) -> Any:
        ...

    def save(self, state: dict, step: int) -> Path:
        ...

    def load(self) -> dict:
        ...

    def write_config(self, settings: dict) -> None:
        ...

    def read_config(self) -> dict:
        ...
def in_short(e: Exception) -> str:
    ...
def load_checkpoint(path) -> dict:
    ...
