"""Write pictures as PPM (or grey PGM) files into this folder, for programs that have no decoder.

python examples/as_ppm.py PICTURE...
"""

import sys
from pathlib import Path

from PIL import Image


def main(*pictures: str) -> int:
    for picture in pictures:
        with Image.open(picture, formats=["JPEG", "PNG", "WEBP"]) as image:
            grey = image.mode == "L"
            name = Path(picture).with_suffix(".pgm" if grey else ".ppm").name
            (image if grey else image.convert("RGB")).save(name, format="PPM")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
