import pytest

from multiunit.core.errors import InputError
from multiunit.io.worm_connectome import read_worm_connectome


def test_bad_files_are_named(tmp_path):
    for number, text in enumerate(['{"pre": 1}', "[1", '[{"pre": "A", "post": "B", "typ": 7, "syn": [1]}]']):
        (tmp_path / f"{number}.json").write_text(text)
        with pytest.raises(InputError, match=f"{number}.json"):
            read_worm_connectome(tmp_path / f"{number}.json")
    with pytest.raises(InputError, match=r"missing\.json"):
        read_worm_connectome(tmp_path / "missing.json")


def test_real_connectomes(shared_data):
    folder = shared_data("worm_connectome")
    for name in ("cook_jarrell_2019_h", "white_1986_whole", "witvliet_2020_8"):
        table = read_worm_connectome(folder / f"{name}.json")
        assert set(table["kind"]) == {"chemical", "gap"}
        assert (table["weight"] > 0).all()
        assert {"AVAL", "AVAR"} <= set(table["pre"]) & set(table["post"])
