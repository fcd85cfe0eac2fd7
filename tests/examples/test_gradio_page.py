"""``examples/gradio_page.py``: a page that answers its client."""

from __future__ import annotations

import pytest

from tests.helpers.deploy_page import DIGITS, MODEL, block
from tests.helpers.examples import example

pytest.importorskip("gradio", reason="gradio is not installed")
client = pytest.importorskip("gradio_client", reason="gradio_client is not installed")


def test_as_printed() -> None:
    """As the block of the page does, which does not end by itself."""
    assert block("examples/gradio_page.py").split()[-2:] == ["examples/gradio_page.py", f"weights/{MODEL.name}"]
    page = example("gradio_page.py").page(str(MODEL))
    _, address, _ = page.launch(server_name="127.0.0.1", share=False, prevent_thread_lock=True, quiet=True)
    try:
        asking = client.Client(address, verbose=False)
        found = asking.predict(client.handle_file(str(DIGITS[0])), api_name="/classify")
        assert found["label"] == "0"
        assert len(found["confidences"]) == 5
    finally:
        page.close()
