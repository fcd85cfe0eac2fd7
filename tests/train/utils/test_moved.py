"""Every public name of before is found where it was; what has moved or is called otherwise warns."""

import json
from pathlib import Path

from lcnn_train.utils.moved import MOVED
from tests.helpers.interpreters import ROOT, python

BEFORE = Path(__file__).parents[2] / "data" / "before" / "names.json"

WALK = """
import json, sys, warnings
from pathlib import Path
import lcnn_train
for module, names in json.loads(Path(sys.argv[1]).read_text()).items():
    for name in names.split():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", DeprecationWarning)
            exec(f"from {module} import {name}")
        print(module, name, *sorted({str(warning.message) for warning in caught}), sep="; ")
"""


def test_every_name_of_before_is_found_where_it_was():
    result = python(WALK, BEFORE)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    expected = sum(len(names.split()) for names in json.loads(BEFORE.read_text()).values())
    assert len(lines) == expected
    for line in (
        "lcnn_train.tracing; AUGMENTATION; lcnn_train.tracing has moved to lcnn_train.keras_graph",
        "lcnn_train.data.pictures; Pictures; lcnn_train.data.images.Pictures is called Images now; "
        "lcnn_train.data.pictures has moved to lcnn_train.data.images",
        "lcnn_train.models; Settings; lcnn_train.models.Settings is called NetworkOptions now",
        "lcnn_train.layers; LookupConv2D",
        "lcnn_train.export; export",
        "lcnn_train.convert; lookup_model",
    ):
        assert line in lines


def test_moved_modules_are_gone_from_where_they_were_and_are_where_the_table_says():
    package = ROOT / "lcnn_train"
    for old, new in MOVED.items():
        old, new = (package / name.replace(".", "/") for name in (old, new))
        assert not old.with_suffix(".py").exists()
        assert new.with_suffix(".py").is_file() or (new / "__init__.py").is_file()
