"""Classify pictures on all cores with a pool of threads.

python examples/thread_pool.py MODEL PICTURE...
"""

import sys
from concurrent.futures import ThreadPoolExecutor

from lcnn_engine import InputError, Net, kernel_info


def main(model: str, *pictures: str) -> int:
    net = Net.load(model, threads=1)  # one for all; each thread keeps its own core busy, so none needs helpers

    def classify(picture: str) -> str:
        try:
            label, probability = net.classify(picture, top=1)[0]
            return f"{picture}: {label} {probability:.2f}"
        except (InputError, FileNotFoundError) as error:  # one bad picture does not end the others
            return f"{picture}: {error}"

    with ThreadPoolExecutor(max_workers=kernel_info()["threads"]) as pool:  # cores of this process, or of its container
        for line in pool.map(classify, pictures):  # in the order of the pictures
            print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
