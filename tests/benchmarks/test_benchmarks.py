"""The benchmarks compare like with like, and the regression check judges as it says."""

import importlib.util
import json
import pathlib
import sys

import jax
import numpy as np
import pytest
from typer.testing import CliRunner

import recover as rc
from benchmarks import check, first_solves, foreign, peers, phase_retrieval, programs, report, suite
from benchmarks.__main__ import REFERENCE, app
from benchmarks.isolated import isolated
from benchmarks.loops import StoppingRule, careful_amp, minimax_multiplier, plain_amp
from benchmarks.measure import timed_sweep, without_queue


@pytest.mark.parametrize("amp", [plain_amp, careful_amp])
@pytest.mark.parametrize(("samples", "sparsity"), [(60, 5), (60, 45), (120, 5)])
def test_numpy_loops_take_the_steps_of_our_solver(amp, samples, sparsity):
    model = rc.models.SparseRegression(120, samples, sparsity)
    problem, _ = model.sample(jax.random.key(3))
    solver = rc.solvers.AMP(patience=30)
    ours = rc.solve(problem, solver, max_steps=200)
    rule = StoppingRule(float(solver.tolerance), int(solver.patience))
    matrix, y = np.asarray(problem.operator.as_matrix()), np.asarray(problem.observations)
    x, steps, verdict = amp(matrix, y, minimax_multiplier(samples, 120), 200, float(solver.relaxation), rule)
    assert verdict == ("converged" if sparsity == 5 else "stalled")
    assert bool(ours.result == getattr(rc.Result, verdict))
    if verdict == "converged":
        assert abs(steps - int(ours.stats["steps"])) <= 2
        np.testing.assert_allclose(x, ours.value, atol=1e-4)


def cell(samples, sparsity):
    return rc.models.SparseRegression(40, samples, sparsity), rc.solvers.AMP()


def test_a_timed_sweep_gives_the_rows_of_a_sweep_in_any_layout():
    axes = {"samples": [20, 30], "sparsity": [2, 4]}
    plain = rc.sweep(cell, axes, trials=2, seed=1, max_steps=50).frame
    for change in (lambda task: task, without_queue):
        table, numbers = timed_sweep(cell, axes, trials=2, max_steps=50, change=change)
        assert (table.frame["result"] == plain["result"]).all()
        np.testing.assert_array_equal(table.frame["steps"], plain["steps"])
        assert numbers["instances"] == 8
        assert numbers["per_second"] > 0


def test_programs_are_timed_once_each_and_their_rows_are_those_of_a_sweep():
    axes = {"samples": [20, 30], "sparsity": [2, 4]}
    executor = programs.Watched("full")
    watched = rc.sweep(cell, axes, trials=2, seed=1, max_steps=50, executor=executor, progress=False)
    plain = rc.sweep(cell, axes, trials=2, seed=1, max_steps=50, progress=False)
    # Another emitter of kernels rounds otherwise.
    np.testing.assert_allclose(watched.frame["steps"], plain.frame["steps"], atol=2)
    rc.sweep(cell, axes, trials=2, seed=2, max_steps=50, executor=executor, progress=False)
    [(name, seconds)] = executor.points.items()
    assert name == "SparseRegression, AMP (1)"
    assert seconds["compile"] > 0
    assert seconds["run"] > 0


def test_ratios_that_fall_by_more_than_is_allowed_are_slower():
    reference = {"a": {"ratio_x": 10.0, "wall_ratio_x": 3.0, "per_second": 5.0}, "b": {"share_of_peak_per_core": 0.6}}
    now = {"a": {"ratio_x": 6.0, "wall_ratio_x": 0.1, "per_second": 0.1}, "b": {"share_of_peak_per_core": 0.5}}
    verdicts = {verdict.name: verdict for verdict in check.compare(now, reference, allowance=0.35)}
    assert set(verdicts) == {"a.ratio_x", "b.share_of_peak_per_core"}
    assert verdicts["a.ratio_x"].slower
    assert not verdicts["b.share_of_peak_per_core"].slower
    assert not check.compare(now, reference, allowance=0.5)[0].slower


def test_what_was_not_measured_is_not_slower_but_what_is_not_a_number_is():
    reference = {"a": {"ratio_x": 1.0, "ratio_y": 1.0}}
    missing, invalid = check.compare({"a": {"ratio_y": float("nan")}}, reference)
    assert missing.now is None
    assert not missing.slower
    assert invalid.slower


def test_the_check_command_says_what_is_slower(tmp_path):
    reference = json.loads(REFERENCE.read_text())
    path = tmp_path / "now.json"
    path.write_text(json.dumps(reference))
    assert CliRunner().invoke(app, ["check", "--measured", str(path)]).exit_code == 0
    reference["results"]["amp_grid"]["ratio_to_plain"] /= 10
    path.write_text(json.dumps(reference))
    judged = CliRunner().invoke(app, ["check", "--measured", str(path)])
    assert judged.exit_code == 1
    assert "slower" in judged.output


def test_unknown_benchmarks_are_refused_by_name():
    assert "own_environments" not in suite.names([])
    with pytest.raises(ValueError, match="unknown benchmark nonsense; there are machine, "):
        suite.names(["machine", "nonsense"])


def test_packages_that_are_not_installed_are_left_out(monkeypatch):
    monkeypatch.setattr(peers, "available", lambda module: False)
    rows, missing = peers.compare("mcp", count=2, shared=True)
    assert [row["package"] for row in rows] == ["recover"]
    assert missing == ["skglm"]


def test_our_solver_and_coordinate_descent_reach_the_same_objective():
    assert importlib.util.find_spec("sklearn")
    designs, observations, _ = peers.instances(2, peers.NOISE, shared=False)
    mine, _ = peers.ours(peers.solvers(shared=False)["lasso"], designs, observations)
    theirs, _ = peers.looped(peers.sklearn_lasso, designs, observations)
    values = [peers.lasso_objective(designs, observations, x) for x in (mine, theirs)]
    np.testing.assert_allclose(*values, rtol=2e-3)


def test_a_benchmark_that_fails_names_its_error():
    assert isolated("check", "compare", now=1)["failed"].startswith("TypeError")


def test_an_environment_that_cannot_be_made_is_a_sentence(tmp_path, monkeypatch):
    package = foreign.Foreign("nowhere", "Nowhere", "nowhere.py")
    monkeypatch.setattr(foreign, "HERE", tmp_path)
    requirements = tmp_path / "nowhere.txt"
    requirements.write_text("no-such-package-anywhere\n")
    with pytest.raises(foreign.Unavailable, match=r"Nowhere: its environment cannot be made\. The last message"):
        foreign.environment(package, requirements)  # a file, where a folder should be
    (tmp_path / "nowhere.py").write_text("raise RuntimeError('lost')\n")
    with pytest.raises(foreign.Unavailable, match=r"Nowhere: its script failed.*lost"):
        foreign.measure(package, pathlib.Path(sys.executable), designs=np.zeros(1))


def test_the_page_is_made_from_the_committed_numbers(tmp_path):
    page = tmp_path / "performance.md"
    report.write(json.loads(REFERENCE.read_text()), page)
    text = page.read_text()
    assert "over one plain vmap" in text
    assert 0 < page.with_suffix(".png").stat().st_size < 100_000


def test_the_numpy_flow_takes_the_steps_of_our_solver():
    model, solver = phase_retrieval.cell(384, 6.0)
    problem, _ = model.sample(jax.random.key(1))
    start = np.asarray(rc.solve(problem, rc.solvers.PhaselessStart(solver.start)).value)
    matrix, b = np.asarray(problem.operator.as_matrix()), np.asarray(problem.observations)
    own = phase_retrieval.spectral_start(matrix, b)
    assert abs(np.vdot(own, start)) / np.linalg.norm(own) ** 2 == pytest.approx(1, abs=1e-4)
    ours = rc.solve(problem, solver, max_steps=phase_retrieval.STEPS)
    x, steps = phase_retrieval.numpy_flow(matrix, b, start, 6.0)
    assert abs(steps - int(ours.stats["steps"])) <= 2
    np.testing.assert_allclose(x, ours.value, atol=1e-3)


def test_first_solves_are_of_solvers_of_linear_problems():
    found = first_solves.linear_solvers()
    assert {"AMP", "FISTA", "OMP", "WorkingSet"} <= found.keys()
    assert "SubgradientMethod" not in found
