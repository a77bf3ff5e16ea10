import numpy as np
import pytest

from multiunit.core import InputError, UnsafeFileError
from multiunit.io.stimuli import read_stimuli


def test_a_parallel_table_becomes_labelled_stimuli_whatever_its_columns_are_called(tmp_path):
    file = tmp_path / "parallel.tsv"
    file.write_text("sent_id\ten\tid\nn01\tgood day\tselamat siang\nn02\tthanks\tterima kasih\n", encoding="utf-8")
    table = read_stimuli(file)
    assert table["language"].tolist() == ["en", "en", "id", "id"]
    assert table["stimulus"].tolist() == ["good day", "thanks", "selamat siang", "terima kasih"]
    assert table["sent_id"].tolist() == ["n01", "n02"] * 2


def test_a_table_of_stimuli_keeps_its_labels(tmp_path):
    file = tmp_path / "texts.csv"
    file.write_text('text,label,score\n"one, two",a,1.5\nthree,b,2\n', encoding="utf-8")
    table = read_stimuli(file)
    assert table.to_dict("list") == {"stimulus": ["one, two", "three"], "label": ["a", "b"], "score": [1.5, 2.0]}


def test_arrays_bring_the_names_of_their_classes(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((2, 4, 4, 3), np.uint8), y=[1, 0], classes=["cat", "dog"])
    table = read_stimuli(tmp_path / "a.npz")
    assert table["class"].tolist() == ["dog", "cat"]
    assert table["stimulus"][0].shape == (4, 4, 3)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", " \n", "is empty"),
        ("a.csv", "", "is empty"),
        ("a.csv", "text,label\n", "holds no rows"),
        ("a.csv", "text,label\na,b\nc\n", "line 3 has 1 fields, the first has 2"),
        ("a.csv", "x,y\n1,2\n", "has none of the columns"),
        ("a.doc", "text", "must end in"),
        ("a.parquet", "text", "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, name, content, words):
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        read_stimuli(tmp_path / name)


def test_python_objects_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([{}, []], dtype=object))
    with pytest.raises(UnsafeFileError):
        read_stimuli(tmp_path / "a.npz")
