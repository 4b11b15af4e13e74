"""What the page for users of jaxopt shows: ours runs as shown, with the right answers, and is three lines away from theirs."""

import difflib
import pathlib
import re

import jax
import numpy as np
import pytest
import scipy.optimize
from sklearn.decomposition import NMF
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression

import recover as rc

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "coming_from_jaxopt.md").read_text()
FENCE = r"```{}\n(.*?)```"


def ours(section):
    return re.findall(FENCE.format("python"), section, re.DOTALL)


def run(precision):
    """All snippets of ours, one after the other: what they define, as float64 arrays, and the names as they are."""
    scope: dict = {}
    with jax.enable_x64(precision == "float64"):
        for snippet in ours(PAGE):
            exec(snippet, scope)
        values = {name: jax.tree.map(lambda leaf: np.asarray(leaf, float), scope[name]) for name in VALUES}
        assert str(scope["w_lasso"].dtype) == precision
    return values


VALUES = (
    *("X", "y", "labels", "X_test", "y_test", "positive", "entries", "low_rank"),
    *("w_lasso", "w_groups", "w_logistic", "b_logistic", "w_nonnegative", "factors", "projected", "w_simplex"),
    *("w_box", "completed", "w_net", "slope", "w_ridge"),
)


@pytest.fixture(scope="module", params=["float32", "float64"])
def page(request):
    values = run(request.param)
    return values, (1e-4 if request.param == "float32" else 1e-5)


def near(found, wanted, allowed):
    assert np.linalg.norm(found - wanted) <= allowed * np.linalg.norm(wanted), (found, wanted)


def gradient(values, w):
    X, y = values["X"], values["y"]
    return X.T @ (X @ w - y) / len(y)


def test_lasso(page):
    values, allowed = page
    peer = Lasso(alpha=0.1, fit_intercept=False, tol=1e-12, max_iter=100_000)
    near(values["w_lasso"], peer.fit(values["X"], values["y"]).coef_, allowed)


def test_group_lasso(page):
    values, allowed = page
    groups = values["w_groups"].reshape(5, 4)
    slopes = gradient(values, values["w_groups"]).reshape(5, 4)
    norms = np.linalg.norm(groups, axis=1)
    kept = norms > 0
    assert 0 < kept.sum() < 5
    near(-slopes[kept], 0.2 * groups[kept] / norms[kept, None], 20 * allowed)
    assert np.all(np.linalg.norm(slopes[~kept], axis=1) < 0.2)


def test_sparse_logistic_regression(page):
    values, allowed = page
    peer = LogisticRegression(l1_ratio=1.0, C=1 / (80 * 0.02), solver="saga", tol=1e-10, max_iter=100_000)
    peer.fit(values["X"], values["labels"])
    near(values["w_logistic"], peer.coef_[0], 10 * allowed)
    near(values["b_logistic"], peer.intercept_[0], 100 * allowed)


def test_nonnegative_least_squares(page):
    values, allowed = page
    near(values["w_nonnegative"], scipy.optimize.nnls(values["X"], values["y"])[0], allowed)
    assert np.all(values["w_nonnegative"] >= 0)


def test_nonnegative_matrix_factorisation(page):
    values, _ = page
    factors, data = values["factors"], values["positive"]
    assert np.all(factors["W"] >= 0)
    assert np.all(factors["H"] >= 0)
    peer = NMF(3, init="random", random_state=0, tol=1e-9, max_iter=20_000)
    theirs = np.linalg.norm(data - peer.fit_transform(data) @ peer.components_)
    left = np.linalg.norm(data - factors["W"] @ factors["H"])
    assert left <= max(1.05 * theirs, 1e-2 * np.linalg.norm(data))


def onto_simplex(v):
    level = scipy.optimize.brentq(lambda level: np.maximum(v - level, 0).sum() - 1, v.min() - 2, v.max(), xtol=1e-14)
    return np.maximum(v - level, 0)


def test_simplex(page):
    values, allowed = page
    near(values["projected"], onto_simplex(values["y"][:20]), allowed)
    w = values["w_simplex"]
    assert w.sum() == pytest.approx(1, abs=1e-5)
    near(w, onto_simplex(w - gradient(values, w)), 10 * allowed)


def test_box(page):
    values, allowed = page
    near(values["w_box"], scipy.optimize.lsq_linear(values["X"], values["y"], (-0.1, 1.5), tol=1e-14).x, allowed)


def test_nuclear_norm(page):
    values, allowed = page
    matrix, entries = values["completed"], values["entries"].astype(bool)
    slope = np.where(entries, values["low_rank"] - matrix, 0)
    left, singular, right = np.linalg.svd(matrix, full_matrices=False)
    rank = int((singular > 1e-3).sum())
    assert rank == 2
    # A subgradient of the nuclear norm: the singular vectors kept, and less than one elsewhere.
    near(left[:, :rank].T @ slope @ right[:rank].T, 0.1 * np.eye(rank), 100 * allowed)
    assert np.linalg.norm(slope, 2) <= 0.1 * (1 + 100 * allowed)


def test_elastic_net(page):
    values, allowed = page
    peer = ElasticNet(alpha=0.2, l1_ratio=0.5, fit_intercept=False, tol=1e-12, max_iter=100_000)
    near(values["w_net"], peer.fit(values["X"], values["y"]).coef_, allowed)


def test_hyper_gradient(page):
    values, allowed = page
    w = values["w_lasso"]
    support = w != 0
    matrix = values["X"][:, support]
    moved = -np.linalg.solve(matrix.T @ matrix / 80, np.sign(w[support]))
    left = values["X_test"] @ w - values["y_test"]
    near(values["slope"], left @ (values["X_test"][:, support] @ moved) / 80, 10 * allowed)


def test_a_penalty_of_ones_own(page):
    values, allowed = page
    X, y = values["X"], values["y"]
    near(values["w_ridge"], np.linalg.solve(X.T @ X / 80 + 0.3 * np.eye(20), X.T @ y / 80), allowed)


def test_at_most_three_lines_differ():
    sections = [section for section in re.split(r"\n## ", PAGE) if re.match(r"\d+\.", section)]
    assert len(sections) == 10
    for section in sections:
        (theirs,) = re.findall(FENCE.format("text"), section, re.DOTALL)
        (snippet,) = ours(section)
        changed = [line for line in difflib.ndiff(theirs.splitlines(), snippet.splitlines()) if line.startswith("+ ")]
        assert len(changed) <= 3, section


def test_the_page_names_solvers_that_take_the_problem():
    for name in ("ISTA", "FISTA", "ProximalGradient"):
        assert rc.CompositeProblem in getattr(rc.solvers, name).others
