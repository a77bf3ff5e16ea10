import pytest

from multiunit.core.errors import InputError
from multiunit.tasks import data_folder


def test_the_variable_names_the_folder(tmp_path, monkeypatch):
    (tmp_path / "worms").mkdir()
    monkeypatch.setenv("MULTIUNIT_DATA", str(tmp_path))
    assert data_folder("worms") == tmp_path / "worms"
    with pytest.raises(InputError, match="name='mice'"):
        data_folder("mice")
