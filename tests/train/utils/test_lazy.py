"""Names that modules give late, names of before, and contexts around imports."""

import sys
from contextlib import contextmanager
from types import ModuleType

import pytest

from lcnn_train.utils import lazy


@pytest.fixture
def module(monkeypatch):
    module = ModuleType("renaming")
    module.New = 7
    monkeypatch.setitem(sys.modules, "renaming", module)
    return module


def test_a_former_name_warns_and_gives_the_new_one(module):
    lazy.former_names("renaming", Old="New")
    with pytest.warns(DeprecationWarning, match="renaming.Old is called New now"):
        assert module.Old == 7
    with pytest.raises(AttributeError, match="module 'renaming' has no attribute 'other'"):
        _ = module.other


def test_a_former_keyword_warns_and_is_taken_for_the_new_one():
    @lazy.former_keywords(old="new")
    def doubled(new):
        """Double."""
        return 2 * new

    assert (doubled(2), doubled(new=3), doubled.__doc__) == (4, 6, "Double.")
    with pytest.warns(DeprecationWarning, match="doubled: argument old is called new now"):
        assert doubled(old=4) == 8
    with pytest.raises(TypeError, match="multiple values"), pytest.warns(DeprecationWarning, match="old"):
        doubled(1, old=2)


def test_an_attribute_is_imported_once_and_kept(module):
    assert lazy.attribute("renaming", {"sqrt": "math"}, "sqrt")(4) == 2
    assert module.sqrt(9) == 3
    with pytest.raises(AttributeError, match="no attribute 'cube'"):
        lazy.attribute("renaming", {"sqrt": "math"}, "cube")


def test_a_context_surrounds_the_first_import(monkeypatch, tmp_path):
    (tmp_path / "imported_late.py").write_text("import sys\nstate = list(sys.seen)\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    seen = []
    monkeypatch.setattr(sys, "seen", seen, raising=False)

    @contextmanager
    def around():
        seen.append("before")
        yield
        seen.append("after")

    lazy.around_import("imported_late", around)
    lazy.around_import("imported_late", around)  # twice, as after a reload
    import imported_late

    assert imported_late.state == ["before", "before"]
    assert seen == ["before", "before", "after", "after"]
    assert type(imported_late.__loader__).__module__ != lazy.__name__
    lazy.around_import("imported_late", around)
    assert len([finder for finder in sys.meta_path if isinstance(finder, lazy._Finder)]) >= 2
    del sys.modules["imported_late"]
