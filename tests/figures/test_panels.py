import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import FillBetweenPolyCollection

from figures import panels, style


@pytest.fixture
def panel():
    with style.use():
        figure, grid = style.new()
        yield panels.Panel(grid[0, 0], {})
        # Whatever was drawn must also render.
        figure.canvas.draw()


@pytest.fixture
def cells():
    across, up = np.meshgrid([1.0, 2.0, 4.0, 8.0], [0.0, 1.0, 2.0])
    return pd.DataFrame({"m": across.ravel(), "k": up.ravel(), "rate": np.linspace(0, 1, 12)})


def test_edges_by_hand():
    np.testing.assert_allclose(panels.edges(np.array([1.0, 2.0, 4.0])), [0.5, 1.5, 3.0, 5.0])
    np.testing.assert_allclose(panels.edges(np.array([1.0, 4.0, 16.0]), True), [0.5, 2.0, 8.0, 32.0])
    np.testing.assert_allclose(panels.edges(np.array([3.0])), [1.5, 4.5])


def test_heat_maps_put_rates_where_they_belong(panel, cells):
    shuffled = cells.sample(frac=1, random_state=0).drop(index=5)
    mesh = panel.heat(shuffled, "m", "k", xlog=True)
    values = np.ma.filled(mesh.get_array(), np.nan)
    expected = np.linspace(0, 1, 12).reshape(3, 4)
    expected[1, 1] = np.nan
    np.testing.assert_allclose(values, expected)
    assert mesh.get_clim() == (0, 1)


@pytest.mark.parametrize("over", ["m", "k"])
def test_transition_breaks_where_there_is_none(panel, cells, over):
    at = np.unique(cells[over])
    boundary = pd.DataFrame({over: at, "boundary": 1.0, "low": 0.8, "high": 1.3})
    boundary.loc[0, ["boundary", "low", "high"]] = [np.nan, 2.0, np.inf]
    boundary.loc[1, "low"] = -np.inf
    panel.heat(cells, "m", "k", boundary=boundary)
    (line,) = panel.axes.lines
    moving = line.get_ydata() if over == "m" else line.get_xdata()
    np.testing.assert_allclose(moving, boundary["boundary"])
    (band,) = [child for child in panel.axes.collections if isinstance(child, FillBetweenPolyCollection)]
    assert np.isfinite(band.get_paths()[0].vertices).all()


def test_heat_maps_refuse_what_they_cannot_draw(panel, cells):
    with pytest.raises(ValueError, match="several rows"):
        panel.heat(pd.concat([cells, cells]), "m", "k")
    with pytest.raises(ValueError, match="exactly one"):
        panel.heat(cells, "m", "k", boundary=cells.assign(boundary=1))


def test_unbounded_bands_do_not_set_the_limits(panel):
    table = pd.DataFrame({"x": [0, 1, 2], "y": [1.0, 2.0, 3.0], "y_low": [-np.inf, 1, 2], "y_high": [2, 3, np.inf]})
    panel.curves(table, "x", "y")
    bottom, top = panel.axes.get_ylim()
    assert 0.5 < bottom < 1.01
    assert 2.99 < top < 3.5


def test_curves_keep_their_looks_between_panels(panel):
    looks = style.look(["AMP", "IHT"])
    table = pd.DataFrame({"x": [0, 1], "y": [0.0, 1.0], "solver": "IHT"})
    panel.curves(table, "x", "y", by="solver", looks=looks)
    assert panel.axes.lines[0].get_color() == looks["IHT"]["color"] == style.VERMILION


def test_points_have_bars_to_the_ends_of_their_intervals(panel):
    table = pd.DataFrame({"x": [0.0, 1.0], "y": [1.0, 2.0], "y_low": [0.5, 1.0], "y_high": [2.0, 2.5]})
    panel.points(table, "x", "y")
    (bars,) = panel.axes.containers[0][2]
    np.testing.assert_allclose(
        [[segment[0, 1], segment[1, 1]] for segment in bars.get_segments()], [[0.5, 2], [1, 2.5]]
    )


def test_images_have_given_limits_and_no_ticks(panel):
    image = panel.image(np.full((3, 3), 2.0), "a picture", limits=(0.0, 4.0))
    assert image.get_clim() == (0.0, 4.0)
    assert panel.axes.get_title() == "a picture"
    assert len(panel.axes.get_xticks()) == 0


def test_ticks_stand_where_they_are_asked_for(panel):
    panel.curves(pd.DataFrame({"x": [1.0, 10.0, 100.0], "y": [1.0, 2.0, 3.0]}), "x", "y", xlog=True)
    panel.ticks(x=[1, 30])
    assert [text.get_text() for text in panel.axes.get_xticklabels()] == ["1", "30"]


def test_letters_and_marks(panel):
    panel.set(title="panel")
    style.letters([panel.axes])
    assert "panel" in panel.axes.get_title(loc="left")
    panel.mark(x=0.5, label="here")
    panel.mark(y=0.5, label="there")
    assert len(panel.axes.lines) == 2


def test_style_leaves_no_trace_and_files_keep_dots(tmp_path):
    import matplotlib as mpl

    before = mpl.rcParams["font.size"]
    with style.use():
        assert mpl.rcParams["pdf.fonttype"] == 42
        figure, _ = style.new()
        pdf, png = style.save(figure, tmp_path / "v1.5")
    assert mpl.rcParams["font.size"] == before
    assert (pdf.name, png.name) == ("v1.5.pdf", "v1.5.png")
