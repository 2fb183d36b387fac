"""Packages that need not be installed."""

import sys

import pytest

from crosscam.errors import ExtraError
from crosscam.extras import has_module, import_extra


def test_a_module_that_is_there_is_imported():
    assert import_extra("json.decoder", extra="none", purpose="reading").JSONDecoder
    assert has_module("json.decoder")


def test_a_missing_one_is_named_with_its_extra():
    with pytest.raises(ExtraError) as raised:
        import_extra("not_there.inner", extra="parquet", purpose="writing Parquet files")
    assert str(raised.value) == (
        "writing Parquet files needs not_there, which is not installed: "
        "pip install 'crosscam[parquet]'"
    )
    assert not has_module("not_there.inner")


def test_a_broken_one_says_what_is_wrong(tmp_path, monkeypatch):
    (tmp_path / "broken_part.py").write_text("import nothing_of_that_name\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(ExtraError, match=r"cannot be imported \(No module named"):
        import_extra("broken_part", extra="hub", purpose="pushing")
