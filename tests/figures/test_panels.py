import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import FillBetweenPolyCollection

from figures import panels, style


@pytest.fixture
def axes():
    with style.use():
        figure, grid = style.new()
        yield grid[0, 0]
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


def test_phase_diagram_puts_rates_where_they_belong(axes, cells):
    shuffled = cells.sample(frac=1, random_state=0).drop(index=5)
    mesh = panels.phase_diagram(axes, shuffled, "m", "k", xlabel="m", ylabel="k", xlog=True)
    values = np.ma.filled(mesh.get_array(), np.nan)
    expected = np.linspace(0, 1, 12).reshape(3, 4)
    expected[1, 1] = np.nan
    np.testing.assert_allclose(values, expected)
    assert mesh.get_clim() == (0, 1)


@pytest.mark.parametrize("over", ["m", "k"])
def test_transition_breaks_where_there_is_none(axes, cells, over):
    at = np.unique(cells[over])
    boundary = pd.DataFrame({over: at, "boundary": 1.0, "low": 0.8, "high": 1.3})
    boundary.loc[0, ["boundary", "low", "high"]] = [np.nan, 2.0, np.inf]
    boundary.loc[1, "low"] = -np.inf
    panels.phase_diagram(axes, cells, "m", "k", xlabel="m", ylabel="k", boundary=boundary)
    (line,) = axes.lines
    moving = line.get_ydata() if over == "m" else line.get_xdata()
    np.testing.assert_allclose(moving, boundary["boundary"])
    (band,) = [child for child in axes.collections if isinstance(child, FillBetweenPolyCollection)]
    assert np.isfinite(band.get_paths()[0].vertices).all()


def test_phase_diagram_refuses_what_it_cannot_draw(axes, cells):
    with pytest.raises(ValueError, match="several rows"):
        panels.phase_diagram(axes, pd.concat([cells, cells]), "m", "k", xlabel="", ylabel="")
    with pytest.raises(ValueError, match="exactly one"):
        panels.phase_diagram(axes, cells, "m", "k", xlabel="", ylabel="", boundary=cells.assign(boundary=1))


def test_unbounded_bands_do_not_set_the_limits(axes):
    table = pd.DataFrame({"x": [0, 1, 2], "y": [1.0, 2.0, 3.0], "low": [-np.inf, 1, 2], "high": [2, 3, np.inf]})
    panels.curves(axes, table, "x", "y", xlabel="x", ylabel="y")
    bottom, top = axes.get_ylim()
    assert 0.5 < bottom < 1.01
    assert 2.99 < top < 3.5


def test_curves_keep_their_looks_between_panels(axes):
    looks = style.look(["AMP", "IHT"])
    table = pd.DataFrame({"x": [0, 1], "y": [0.0, 1.0], "solver": "IHT"})
    panels.curves(axes, table, "x", "y", xlabel="x", ylabel="y", by="solver", looks=looks)
    assert axes.lines[0].get_color() == looks["IHT"]["color"] == style.VERMILION


def test_traces_count_diverged_trials(axes):
    rows = [
        {"step": step, "trial": trial, "error": np.nan if trial == 2 else 10.0 ** -(step + trial)}
        for step in range(4)
        for trial in range(3)
    ]
    panels.traces(axes, pd.DataFrame(rows), "step", "error", xlabel="step", ylabel="error")
    # Sorted, each step has 10^-(s+1), 10^-s, infinity: the middle one is trial 0.
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [1.0, 0.1, 0.01, 0.001])
    assert axes.get_yscale() == "log"


def test_images_share_one_scale():
    with style.use():
        figure, grid = style.new(rows=1, columns=2)
        drawn = panels.images(
            grid, [[np.zeros((3, 3)), np.full((3, 3), 2.0)]], column_labels=["a", "b"], colour_label="intensity"
        )
        figure.canvas.draw()
    assert {image.get_clim() for image in drawn} == {(0.0, 2.0)}


def test_letters_and_reference_lines(axes):
    axes.set_title("panel")
    style.letters([axes])
    assert "panel" in axes.get_title(loc="left")
    panels.reference_line(axes, x=0.5, label="here")
    panels.reference_line(axes, y=0.5, label="there")
    assert len(axes.lines) == 2


def test_style_leaves_no_trace_and_files_keep_dots(tmp_path):
    import matplotlib as mpl

    before = mpl.rcParams["font.size"]
    with style.use():
        assert mpl.rcParams["pdf.fonttype"] == 42
        figure, _ = style.new()
        pdf, png = style.save(figure, tmp_path / "v1.5")
    assert mpl.rcParams["font.size"] == before
    assert (pdf.name, png.name) == ("v1.5.pdf", "v1.5.png")
