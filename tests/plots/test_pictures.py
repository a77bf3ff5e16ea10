import json
import shutil
import subprocess

import matplotlib
import numpy as np
import pytest

from multiunit.core import InputError, Recording
from multiunit.plots import atlas_overview, unit_card, write_report
from multiunit.units import build_atlas

HOSTILE = "</script><img src=x onerror=alert(1)> $\\frac{"


@pytest.fixture(scope="module")
def atlas():
    rng = np.random.default_rng(0)
    activity = rng.normal(size=(60, 4))
    condition = np.repeat(["face", HOSTILE], 30)
    units = {"site": ["V1", "V1", HOSTILE, HOSTILE]}
    return build_atlas(Recording.from_activity(activity, units=units, presentations={"kind": condition}), by="kind")


def test_the_card_shows_what_the_atlas_knows(atlas):
    drawn = unit_card(atlas, "V1/1")
    titles = [axes.get_title(loc="left") for axes in drawn.axes]
    assert titles == ["distribution", "by kind", "strongest presentations"]
    bars = drawn.axes[1].patches
    assert sorted(bar.get_width() for bar in bars) == sorted(atlas.details["groups"]["mean"].values[1])
    with pytest.raises(InputError, match="is not among"):
        unit_card(atlas, "V1/9")


def test_hostile_texts_draw_and_leave_no_global_state(atlas, tmp_path):
    before = dict(matplotlib.rcParams)
    for drawn in (unit_card(atlas, f"{HOSTILE}/0"), atlas_overview(atlas)):
        drawn.savefig(tmp_path / "a.png")
        assert (tmp_path / "a.png").stat().st_size > 5000
    assert dict(matplotlib.rcParams) == before


def test_the_overview_has_a_row_for_each_site_and_a_dot_for_each_unit(atlas):
    left, right, _ = atlas_overview(atlas).axes
    dots = [line for line in left.lines if line.get_marker() == "."]
    assert sum(len(line.get_xdata()) for line in dots) == 4
    shown = np.asarray(right.images[0].get_array())
    assert shown.shape[0] == 2
    selected = [c for c in atlas.table if ".selected" in str(c) and atlas.table[c].any()]
    np.testing.assert_allclose(shown[0], [100 * atlas.table[c].iloc[:2].mean() for c in selected])


def test_the_page_holds_the_data_and_nothing_that_runs(atlas, tmp_path):
    page = write_report(atlas, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<img src=x" not in page
    assert page.count("</script>") == 2
    assert "default-src 'none'" in page
    start = page.index('id="data">') + len('id="data">')
    data = json.loads(page[start : page.index("</script>", start)])
    assert [row[0] for row in data["rows"]] == atlas.table.index.tolist()
    assert data["details"]["0"]["groups"][0] == sorted(["face", HOSTILE])


@pytest.mark.skipif(shutil.which("node") is None, reason="the page's script is parsed by node, which is not there")
def test_the_pages_script_is_javascript(atlas, tmp_path):
    page = write_report(atlas, tmp_path / "report.html").read_text(encoding="utf-8")
    script = tmp_path / "page.js"
    script.write_text(page[page.rindex("<script>") + 8 : page.rindex("</script>")], encoding="utf-8")
    checked = subprocess.run(["node", "--check", str(script)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
