"""Data sets shaped as ImageNet is, made of real photographs: with a CMYK JPEG, a PNG named JPEG, and worse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

from tests.helpers.training import DATA

PHOTOGRAPHS = {
    "n02123045": "cat",
    "n07930864": "coffee",
    "n04266014": "rocket",
    "n10085869": "astronaut",
}
# As the development kit numbers them: not in the order of the synsets.
NUMBERS = {"n10085869": 1, "n04266014": 2, "n02123045": 3, "n07930864": 4}
WORDS = {
    "n02123045": "tabby, tabby cat",
    "n07930864": "cup",
    "n04266014": "space shuttle",
    "n10085869": "astronaut, spaceman",
}
SYNSETS = sorted(PHOTOGRAPHS)


def part_of(synset: str, seed: int, side: int = 120) -> Image.Image:
    """A random part of a class's photograph, RGB."""
    photograph = Image.open(DATA / "pictures" / f"{PHOTOGRAPHS[synset]}.jpg").convert("RGB")
    rng = np.random.default_rng((seed, SYNSETS.index(synset)))
    width, height = side + int(rng.integers(30)), side + int(rng.integers(30))
    left, top = (int(rng.integers(0, max(1, a - b))) for a, b in zip(photograph.size, (width, height), strict=True))
    return photograph.crop((left, top, left + width, top + height))


def make_train(folder: Path, each: int = 6) -> list[str]:
    """FOLDER/train/SYNSET/*.JPEG, `each` of every class; returns the names of those that cannot be read."""
    for synset in SYNSETS:
        (folder / "train" / synset).mkdir(parents=True)
        for number in range(each):
            path = folder / "train" / synset / f"{synset}_{number}.JPEG"
            image = part_of(synset, number)
            if (synset, number) == (SYNSETS[0], 0):
                image.convert("CMYK").save(path, quality=95)
            elif (synset, number) == (SYNSETS[1], 0):
                image.save(path, "PNG")
            elif (synset, number) == (SYNSETS[2], 0):
                image.convert("L").save(path, quality=95)
            else:
                image.save(path, quality=95)
    cut = folder / "train" / SYNSETS[0] / f"{SYNSETS[0]}_1.JPEG"
    cut.write_bytes(cut.read_bytes()[:-900])
    empty = folder / "train" / SYNSETS[3] / f"{SYNSETS[3]}_2.JPEG"
    empty.write_bytes(b"")
    return [str(cut), str(empty)]


def make_val(folder: Path, count: int = 10) -> list[str]:
    """FOLDER/val/ILSVRC2012_val_*.JPEG without classes; returns the synset of each."""
    (folder / "val").mkdir(parents=True)
    of_each = [SYNSETS[(3 * number) % 4] for number in range(count)]
    for number, synset in enumerate(of_each, 1):
        part_of(synset, 100 + number).save(folder / "val" / f"ILSVRC2012_val_{number:08d}.JPEG", quality=95)
    return of_each


def make_kit(folder: Path, of_each: list[str]) -> Path:
    """The development kit's meta.mat and ground truth, in FOLDER/ILSVRC2012_devkit_t12/data."""
    kit = folder / "ILSVRC2012_devkit_t12" / "data"
    kit.mkdir(parents=True)
    kinds = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O"), ("num_children", "O")]
    rows = [(number, synset, WORDS[synset], 0) for synset, number in NUMBERS.items()]
    rows.append((1001, "n00001740", "entity", 3))  # an inner node of the tree, as the real one has
    savemat(kit / "meta.mat", {"synsets": np.array(rows, dtype=kinds).reshape(-1, 1)})
    lines = [f"{NUMBERS[synset]}\n" for synset in of_each]
    (kit / "ILSVRC2012_validation_ground_truth.txt").write_text("".join(lines))
    return kit


def make_tiny(folder: Path, each: int = 3) -> None:
    """As Tiny-ImageNet: train/CLASS/images/*.JPEG, val/images/*.JPEG, val_annotations.txt and words.txt."""
    lines = []
    for synset in SYNSETS:
        (folder / "train" / synset / "images").mkdir(parents=True)
        (folder / "train" / synset / f"{synset}_boxes.txt").write_text("")
        for number in range(each):
            part_of(synset, number, 64).resize((64, 64)).save(
                folder / "train" / synset / "images" / f"{synset}_{number}.JPEG"
            )
    (folder / "val" / "images").mkdir(parents=True)
    for number in range(8):
        synset = SYNSETS[-1 - number % 4]
        part_of(synset, 50 + number, 64).resize((64, 64)).save(folder / "val" / "images" / f"val_{number}.JPEG")
        lines.append(f"val_{number}.JPEG\t{synset}\t0\t32\t44\t62\n")
    (folder / "val" / "val_annotations.txt").write_text("".join(lines))
    (folder / "test" / "images").mkdir(parents=True)
    (folder / "words.txt").write_text("".join(f"{s}\t{words}\n" for s, words in {**WORDS, "n1": "other"}.items()))
