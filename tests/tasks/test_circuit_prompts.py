import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.tasks.circuit_prompts import circuit_prompts, circuit_texts

IOI = """,clean,corrupted
7,"Then, Aaron and Amber were home. Aaron gave a drink to","Then, Aaron and Amber were home. Tim gave a drink to"
8,"When Amber and Joe sat, Joe gave a ring to","When Amber and Joe sat, Aaron gave a ring to"
"""
GREATER = """clean,corrupted,label
The plan lasted from the year 1642 to the year 16,The plan lasted from the year 1601 to the year 16,42
The trip lasted from the year 1313 to the year 13,The trip lasted from the year 1301 to the year 13,13
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "prompts_circuits").mkdir()
    (tmp_path / "prompts_circuits" / "ioi_llama.csv").write_text(IOI)
    (tmp_path / "prompts_circuits" / "greater_than_data.csv").write_text(GREATER)
    monkeypatch.setenv("MULTIUNIT_DATA", str(tmp_path))
    return tmp_path / "prompts_circuits"


def words(prompts, tokens):
    return [prompts.vocabulary[k] for k in np.atleast_1d(tokens)]


def test_indirect_objects(folder):
    prompts = circuit_prompts("ioi")
    first = prompts.pairs.iloc[0]
    assert words(prompts, [first["answer"], first["foil"]]) == ["Amber", "Aaron"]
    assert first["slots"] == [[4], [2, 8]]
    assert words(prompts, first["corrupted"])[8] == "Tim"
    assert words(prompts, prompts.fillers) == ["Aaron", "Amber", "Joe", "Tim"]


def test_later_years(folder):
    prompts = circuit_prompts("greater_than")
    assert words(prompts, prompts.fillers) == [f"{year:02d}" for year in range(1, 100)]
    second = prompts.pairs.iloc[1]
    # The century is the same token as the year, and stays where the year is exchanged.
    assert words(prompts, second["clean"])[6:8] == ["13", "13"]
    assert second["slots"] == [[7]]
    answer, foil = (int(words(prompts, second[name])[0]) for name in ("answer", "foil"))
    assert answer > 13 >= foil > 1


def test_texts_are_answered(folder):
    prompts = circuit_prompts("ioi")
    for text in circuit_texts(prompts, 20, random_state=1):
        named = [token for token in text[:-1] if token in prompts.fillers]
        assert sorted(named.count(name) for name in set(named)) == [1, 2]
        assert named.count(text[-1]) == 1
    later = circuit_prompts("greater_than")
    for text in circuit_texts(later, 20, random_state=1):
        said = words(later, text)
        assert int(said[-1]) > int(said[7])
        assert said[6] == said[-2]


def test_what_is_drawn_depends_on_the_seed_alone(folder):
    prompts = circuit_prompts("greater_than")
    drawn = [np.stack(circuit_texts(prompts, 9, random_state=seed)) for seed in (0, 0, 1)]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    assert prompts.pairs["clean"].map(len).tolist() == [12, 12]


def test_what_is_wrong_is_named(folder):
    with pytest.raises(InputError, match="task"):
        circuit_prompts("arithmetic")
    with pytest.raises(InputError, match="n_texts"):
        circuit_texts(circuit_prompts("ioi"), 0)
    (folder / "greater_than_data.csv").write_text("clean,corrupted\nAlways,Never\n")
    with pytest.raises(InputError, match="greater_than"):
        circuit_prompts("greater_than")
    (folder / "ioi_llama.csv").unlink()
    with pytest.raises(InputError, match=r"ioi_llama\.csv"):
        circuit_prompts("ioi")


@pytest.mark.parametrize(("task", "n"), [("ioi", 400), ("greater_than", 900)])
def test_the_published_prompts_are_read(shared_data, monkeypatch, task, n):
    monkeypatch.setenv("MULTIUNIT_DATA", str(shared_data("prompts_circuits").parent))
    prompts = circuit_prompts(task)
    assert len(prompts.pairs) > n
    assert all(len(a) == len(b) for a, b in zip(prompts.pairs["clean"], prompts.pairs["corrupted"], strict=True))
