"""A program that PyInstaller makes a folder of: it classifies pictures, with the model file inside."""

import sys
from pathlib import Path

from lcnn_engine import InputError, Net

MODEL = Path(__file__).parent / "model.safetensors"  # in the program, where --add-data puts it


def main(*pictures: str) -> int:
    net = Net.load(MODEL, threads=1)
    bad = 0
    for picture in pictures:
        try:
            label, probability = net.classify(picture, top=1)[0]
            print(f"{picture}: {label} {probability:.2f}")
        except (InputError, FileNotFoundError) as error:
            print(f"{picture}: {error}", file=sys.stderr)
            bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
