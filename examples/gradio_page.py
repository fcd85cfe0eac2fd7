"""A page on which a picture is dropped and its classes are shown (pip install gradio).

python examples/gradio_page.py MODEL
"""

import sys

import gradio

from lcnn_engine import InputError, Net, kernel_info


def page(model: str) -> gradio.Interface:
    net = Net.load(model, threads=1)

    def classify(path: str) -> dict[str, float]:
        try:
            return dict(net.classify(path, top=5))
        except InputError as error:
            raise gradio.Error(str(error)) from error

    return gradio.Interface(
        classify,
        gradio.Image(type="filepath"),  # the file as it came: the engine turns, resizes and scales it
        gradio.Label(),
        title=net.name,
        concurrency_limit=kernel_info()["threads"],
        flagging_mode="never",
        delete_cache=(60, 300),  # seconds: each minute, pictures that are five minutes old
        analytics_enabled=False,
    )


if __name__ == "__main__":
    page(sys.argv[1]).launch(server_name="127.0.0.1", share=False)
