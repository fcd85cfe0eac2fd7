"""Types of program.pyx and what it includes, where everything is explained."""

import numpy as np
from numpy.typing import DTypeLike

CONSTANTS: dict[str, int]
ACTIVATION_CODES: dict[str, int]
LAYOUTS: dict[str, tuple[tuple[str, str], ...]]
CALL_SIZE: int
KNOWN_VARIANTS: tuple[str, ...]

def variants() -> list[tuple[str, bool]]: ...
def capabilities_of(variant: str) -> dict[str, int]: ...
def use_cblas(address: int, wide: bool) -> None: ...
def use_fortran(capsule: object) -> None: ...
def sgemm_columns(rows: int, columns: int, depth: int) -> int: ...
def sums_of_rows(
    starts: np.ndarray, rows: np.ndarray, factors: np.ndarray, matrix: np.ndarray, sums: np.ndarray
) -> None: ...
def to_bf16(array: np.ndarray) -> np.ndarray: ...
def to_fp16(array: np.ndarray) -> np.ndarray | None: ...

class ConstantMemory:
    def zeros(self, shape: tuple[int, ...], dtype: DTypeLike = ...) -> np.ndarray: ...

class Program:
    def __init__(
        self,
        variant: str,
        calls: bytes | bytearray,
        constants: ConstantMemory,
        *,
        input_size: int,
        outputs: int,
        arena: int,
        scratch: int,
    ) -> None: ...
    def run(
        self, images: np.ndarray, outputs: list[np.ndarray], threads: int, seconds: np.ndarray | None = ...
    ) -> bool: ...
