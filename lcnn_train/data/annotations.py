"""Lists that come with ImageNet and Tiny-ImageNet: the class of each validation image, and classes in words.

The class of each image is looked for, beside the images and in the development kit, as
- val_annotations.txt (Tiny-ImageNet): file, synset and a box a line;
- LOC_val_solution.csv (Kaggle's ImageNet): ImageId,PredictionString with the synset first;
- imagenet_2012_validation_synset_labels.txt (TensorFlow's): a synset a line, in the order of the images' names;
- ILSVRC2012_validation_ground_truth.txt (the development kit): a number a line, whose synset meta.mat tells;
- val.txt (Caffe's): file and number from 0, in the order of the synsets.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from lcnn_train.errors import DataError

_KITS = ("", "ILSVRC2012_devkit_t12/data", "ILSVRC2012_devkit_t12", "devkit/data", "data", "ILSVRC")
_SYNSETS_IN_ORDER = "imagenet_2012_validation_synset_labels.txt"
_GROUND_TRUTH = "ILSVRC2012_validation_ground_truth.txt"

Classes = tuple[list[str], list[str], Path]


def class_of_each(folder: Path, root: Path, files: list[str], synsets: list[str] | None) -> Classes:
    """Find the synset of each of `files`, all synsets, and the list that says so.

    `synsets` are those of training, if known. Raises DataError if there is no list, or if it does not fit the files.
    """
    readers: dict[str, Callable[[Path, list[str], list[str] | None], list[str]]] = {
        "val_annotations.txt": _by_name_in_columns,
        "LOC_val_solution.csv": _by_name_in_csv,
        _SYNSETS_IN_ORDER: _in_order,
        _GROUND_TRUTH: _by_number_in_order,
        "val.txt": _by_name_and_number,
    }
    for name, read in readers.items():
        path = _find(name, root, folder)
        if path is not None:
            of_each = read(path, files, synsets)
            return of_each, synsets or sorted(set(of_each)), path
    raise DataError(
        f"{root}: expected class folders, or a list of the classes of its {len(files)} images, one of "
        f"{', '.join(readers)}, in {root} or {folder} or a development kit in it; found none"
    )


def class_words(folder: Path) -> dict[str, str]:
    """Read synsets in words from LOC_synset_mapping.txt, words.txt or a kit's meta.mat; {} without one."""
    for name, separator in (("LOC_synset_mapping.txt", " "), ("words.txt", "\t")):
        path = _find(name, folder)
        if path is not None:
            pairs = [line.partition(separator) for line in _lines(path)]
            return _unique(path, [(synset.strip(), words.strip()) for synset, _, words in pairs])
    path = _find("meta.mat", folder)
    return dict(read_meta(path).values()) if path else {}


def in_words(pairs: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Name each pair (synset, words) by its words, its synset where there are none, both where two share words.

    ImageNet has two classes that are called "crane".
    """
    names = [words or synset for synset, words in pairs]
    counts = Counter(names)
    return tuple(
        name if counts[name] == 1 else f"{name} ({synset})" for name, (synset, _) in zip(names, pairs, strict=True)
    )


def read_meta(path: Path) -> dict[int, tuple[str, str]]:
    """Read ILSVRC2012_ID -> (synset, words) from a kit's meta.mat. Raises DataError if it is no such file."""
    from scipy.io import loadmat

    try:
        rows = loadmat(path, squeeze_me=True)["synsets"]
        found = {int(row["ILSVRC2012_ID"]): (str(row["WNID"]), str(row["words"])) for row in rows}
    except Exception as error:  # a damaged file raises whatever it leads scipy's reader to
        problem = f"{type(error).__name__}: {error}"
        raise DataError(
            f"{path}: expected the development kit's meta.mat, with synsets (ILSVRC2012_ID, WNID, words); "
            f"found what cannot be read as such ({problem})"
        ) from error
    return found


def _find(name: str, *folders: Path) -> Path | None:
    candidates = [folder / kit / name for folder in folders for kit in _KITS]
    return next((path for path in candidates if path.is_file()), None)


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a list in UTF-8 that can be read; found {error}") from error


def _unique(path: Path, pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Pairs as a dict; DataError if a key comes twice."""
    found: dict[str, str] = {}
    for number, (key, value) in enumerate(pairs, 1):
        if key in found:
            raise DataError(f"{path}: expected every name once; found {key} again in line {number}")
        found[key] = value
    return found


def _by_name_in_columns(path: Path, files: list[str], synsets: list[str] | None) -> list[str]:
    rows = [line.split() for line in _lines(path)]
    for number, row in enumerate(rows, 1):
        if len(row) < 2:
            raise DataError(f"{path}: expected a file and its synset in every line; found {row[0]!r} in line {number}")
    return _matched(path, files, _unique(path, [(row[0], row[1]) for row in rows]))


def _by_name_in_csv(path: Path, files: list[str], synsets: list[str] | None) -> list[str]:
    rows = list(csv.DictReader(_lines(path)))
    if not rows or not {"ImageId", "PredictionString"} <= set(rows[0]):
        raise DataError(
            f"{path}: expected columns ImageId and PredictionString; found {sorted(rows[0]) if rows else 0}"
        )
    pairs = [(row["ImageId"], ((row["PredictionString"] or "").split() or [""])[0]) for row in rows]
    return _matched(path, files, _unique(path, pairs))


def _in_order(path: Path, files: list[str], synsets: list[str] | None) -> list[str]:
    return [line.strip() for line in _as_many(path, files)]


def _by_number_in_order(path: Path, files: list[str], synsets: list[str] | None) -> list[str]:
    lines = _as_many(path, files)
    meta_path = _find("meta.mat", path.parent, path.parent.parent)
    if meta_path is None:
        raise DataError(
            f"{path}: expected meta.mat of the development kit beside it, which tells the synset of each number; found "
            f"none. A list of synsets, {_SYNSETS_IN_ORDER}, would do as well"
        )
    meta = read_meta(meta_path)
    numbers = [_integer(path, number, line) for number, line in enumerate(lines, 1)]
    for position, number in enumerate(numbers, 1):
        if number not in meta:
            raise DataError(f"{path}: expected numbers that {meta_path} has; found {number} in line {position}")
    return [meta[number][0] for number in numbers]


def _by_name_and_number(path: Path, files: list[str], synsets: list[str] | None) -> list[str]:
    if synsets is None:
        raise DataError(f"{path}: expected class folders in train, which tell what its numbers mean; found none")
    rows = [[*line.split(), ""][:2] for line in _lines(path)]
    found = {}
    for position, (file, text) in enumerate(rows, 1):
        number = _integer(path, position, text)
        if not 0 <= number < len(synsets):
            raise DataError(f"{path}: expected classes from 0 to {len(synsets) - 1}; found {number} in line {position}")
        found[file] = synsets[number]
    return _matched(path, files, found)


def _integer(path: Path, position: int, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise DataError(f"{path}: expected a number; found {text!r} in line {position}") from error


def _as_many(path: Path, files: list[str]) -> list[str]:
    lines = _lines(path)
    if len(lines) != len(files):
        raise DataError(f"{path}: expected a line for each of {len(files)} images; found {len(lines)} lines")
    return lines


def _matched(path: Path, files: list[str], classes: dict[str, str]) -> list[str]:
    """The class of each file, whose names in the list may lack folder and ending."""
    names = [file if file in classes else Path(file).name for file in files]
    names = [name if name in classes else Path(name).stem for name in names]
    missing = [file for file, name in zip(files, names, strict=True) if name not in classes]
    if missing:
        raise DataError(
            f"{path}: expected the class of each of {len(files)} images; found none of {len(missing)}: "
            f"{', '.join(missing[:3])}{' ...' if len(missing) > 3 else ''}"
        )
    surplus = len(classes) - len(set(names))
    if surplus:
        raise DataError(
            f"{path}: expected a line for each of {len(files)} images; found {len(classes)} lines, {surplus} of them "
            "of images that are not there"
        )
    return [classes[name] for name in names]
