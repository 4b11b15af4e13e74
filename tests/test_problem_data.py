"""Every problem takes data as people have them, and refuses by name what it cannot take."""

import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import recover as rc

GENERATOR = np.random.default_rng(0)
MATRIX = GENERATOR.standard_normal((6, 4))
ROW, COLUMN = MATRIX[0], MATRIX[:, 0]
LINKS = np.triu(GENERATOR.integers(0, 2, (6, 6)), 1)
LINKS = LINKS + LINKS.T
SHARES = np.eye(3)[[0, 1, 2, 0, 1, 2]]

# The constructor, the names of what holds data, and data of the right kind.
PROBLEMS = {
    "ActivationProblem": (rc.ActivationProblem, {"observations": MATRIX}),
    "CalibrationProblem": (
        rc.CalibrationProblem,
        {"operator": GENERATOR.standard_normal((6, 4, 3)), "observations": MATRIX, "known_gains": ROW},
    ),
    "ClassificationProblem": (rc.ClassificationProblem, {"inputs": MATRIX, "observations": SHARES}),
    "GeneralisedLinearProblem": (rc.GeneralisedLinearProblem, {"operator": MATRIX, "observations": COLUMN}),
    "GraphProblem": (rc.GraphProblem, {"observations": LINKS}),
    "KroneckerProblem": (
        lambda factor, observations: rc.KroneckerProblem([factor, MATRIX], observations),
        {"factor": MATRIX, "observations": GENERATOR.standard_normal((6, 6))},
    ),
    "LinearProblem": (rc.LinearProblem, {"operator": MATRIX, "observations": COLUMN}),
    "ListedCompletionProblem": (
        lambda observations: rc.problems.ListedCompletionProblem(np.stack([np.arange(6)] * 2, 1), observations, (6, 7)),
        {"observations": COLUMN},
    ),
    "MatrixCompletionProblem": (
        lambda observations: rc.problems.MatrixCompletionProblem(observations, np.ones((6, 4))),
        {"observations": MATRIX},
    ),
    "MatrixSensingProblem": (
        rc.MatrixSensingProblem,
        {"operator": GENERATOR.standard_normal((6, 3, 3)), "observations": COLUMN},
    ),
    "PhaselessProblem": (rc.PhaselessProblem, {"operator": MATRIX, "observations": np.abs(COLUMN)}),
    "QuadraticNetworkProblem": (
        lambda **data: rc.QuadraticNetworkProblem(**data, width=2),
        {"inputs": MATRIX, "observations": COLUMN},
    ),
    "SpikedProblem": (rc.SpikedProblem, {"observations": LINKS, "known_signal": COLUMN}),
    "SurfaceProblem": (rc.SurfaceProblem, {"values": MATRIX}),
    "UnmixingProblem": (
        lambda observations: rc.UnmixingProblem(observations, 2),
        {"observations": GENERATOR.uniform(0.1, 1, (5, 3, 4))},
    ),
}
ARGUMENTS = [(problem, name) for problem, (_, data) in PROBLEMS.items() for name in data]
each = pytest.mark.parametrize(("problem", "name"), ARGUMENTS)


def build(problem, name, change):
    make, data = PROBLEMS[problem]
    return make(**{**data, name: change(data[name])})


def same_numbers(problem, expected, tolerance):
    for name in ("observations", "inputs"):
        if hasattr(problem, name):
            found = getattr(problem, name)
            assert found.dtype == jnp.float32
            np.testing.assert_allclose(found, getattr(expected, name), atol=tolerance)


@each
@pytest.mark.parametrize(
    ("change", "tolerance"),
    [
        (lambda data: data.astype(np.float16), 3e-3),
        (lambda data: jnp.asarray(data, jnp.bfloat16), 3e-2),
        (lambda data: data.astype(">f8"), 0),
        (lambda data: data.astype(object), 0),
        (lambda data: data.tolist(), 0),
    ],
    ids=["half", "bfloat16", "big-endian", "objects", "list"],
)
def test_numbers_of_every_kind_are_taken(problem, name, change, tolerance):
    same_numbers(build(problem, name, change), build(problem, name, np.asarray), tolerance)


@each
def test_integers_are_floats_where_the_data_are_real(problem, name):
    make, data = PROBLEMS[problem]
    whole = np.ones_like(data[name], int) if problem != "GraphProblem" else LINKS
    whole = SHARES.astype(int) if problem == "ClassificationProblem" and name == "observations" else whole
    assert make(**{**data, name: whole}).observations.dtype == jnp.float32


@each
def test_complex_numbers_are_refused_by_name(problem, name):
    if problem == "PhaselessProblem" and name == "operator":
        assert build(problem, name, lambda data: data * 1j).complex_data
        return
    if problem in ("KroneckerProblem", "LinearProblem"):
        assert build(problem, name, lambda data: data * 1j).observations.dtype == jnp.complex64
        return
    with pytest.raises(TypeError, match=rf"{problem}: `{name}` is complex128; real data is expected"):
        build(problem, name, lambda data: data + 1j)


@each
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_refused_with_its_place(problem, name, value):
    def poisoned(data):
        data = data.astype(float)
        data.ravel()[1] = value
        return data

    argument = "factors[0]" if name == "factor" else name
    with pytest.raises(
        ValueError, match=rf"{problem}: `{argument.replace('[', '.').replace(']', '.')}` is not finite in 1"
    ):
        build(problem, name, poisoned)


def test_frames_are_taken_and_labels_must_agree():
    frame, series = pd.DataFrame(MATRIX, index=list("abcdef")), pd.Series(COLUMN, index=list("abcdef"))
    np.testing.assert_allclose(rc.LinearProblem(frame, series).observations, COLUMN, rtol=1e-6)
    for make, given in [
        (rc.LinearProblem, {"operator": frame, "observations": series[::-1]}),
        (lambda **data: rc.QuadraticNetworkProblem(**data, width=2), {"inputs": frame, "observations": series[::-1]}),
        (rc.ClassificationProblem, {"inputs": frame, "observations": pd.Series([0, 1] * 3)}),
    ]:
        with pytest.raises(ValueError, match="different labels"):
            make(**given)
    linked = pd.DataFrame(LINKS, index=list("abcdef"), columns=list("abcdef"))
    np.testing.assert_array_equal(rc.GraphProblem(linked).observations, LINKS)
    with pytest.raises(ValueError, match="rows and columns are labelled differently"):
        rc.GraphProblem(linked[list("bacdef")])


def test_labels_of_classes():
    for labels, classes in [
        ([0, 1, 2, 0, 1, 2], [0, 1, 2, 0, 1, 2]),
        ([0.0, 1.0, 2.0, 0.0, 1.0, 2.0], [0, 1, 2, 0, 1, 2]),
        ([-1, 1, 1, -1, 1, -1], [0, 1, 1, 0, 1, 0]),
        ([False, True] * 3, [0, 1] * 3),
    ]:
        problem = rc.ClassificationProblem(MATRIX, labels)
        np.testing.assert_array_equal(problem.observations, np.eye(max(classes) + 1)[classes])
    for labels, message in [
        ([-2, 1, 1, 0, 1, 0], "the label -2; whole numbers from 0 on, or -1 and 1"),
        ([0, 1.5, 1, 0, 1, 0], "the label 1.5"),
        ([-1, 0, 1, 0, 1, 0], "the label -1"),
        ([10**9, 0, 1, 0, 1, 0], "makes 1000000001 classes"),
        ([0, 1], r"shapes \(6, 4\) and \(2,\)"),
        (SHARES * 2 - 1, r"is \[1.0, -1.0, -1.0\], a list in row 0; shares of classes"),
    ]:
        with pytest.raises(ValueError, match=f"ClassificationProblem: .*{message}"):
            rc.ClassificationProblem(MATRIX, labels)
    with pytest.raises(TypeError, match="`observations` is"):
        rc.ClassificationProblem(MATRIX, list("abcabc"))


def test_graphs_of_networkx_and_sparse_ones():
    networkx = pytest.importorskip("networkx")
    graph = networkx.Graph([("a", "b"), ("b", "c")])
    graph.add_edge("a", "c", weight=2.5)
    expected = np.array([[0, 1, 2.5], [1, 0, 1], [2.5, 1, 0]])
    np.testing.assert_array_equal(rc.GraphProblem(graph).observations, expected)
    np.testing.assert_array_equal(rc.GraphProblem(sp.coo_array(expected)).observations, expected)
    with pytest.raises(TypeError, match=r"GraphProblem: `observations` is .*undirected graph is allowed"):
        rc.GraphProblem(networkx.DiGraph(graph))
    graph.add_edge("a", "a")
    with pytest.raises(ValueError, match=r"has a loop: entry \(0, 0\) is 1"):
        rc.GraphProblem(graph)


def test_a_matrix_is_symmetric_up_to_rounding():
    weights = LINKS * np.exp(MATRIX @ MATRIX.T)
    rounded = (weights + weights.T) / 2
    rounded[0, :] *= 1 + 1e-16
    rounded = rounded + 6e-17 * (LINKS * np.triu(np.ones((6, 6))))
    found = np.asarray(rc.GraphProblem(rounded).observations)
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_allclose(found, rounded, rtol=1e-6)
    first, second = np.argwhere(LINKS)[0]
    broken = rounded.copy()
    broken[first, second] += 0.5
    with pytest.raises(ValueError, match=rf"not symmetric: entries \({first}, {second}\) .* which differ by 0.5;"):
        rc.GraphProblem(broken)
    with pytest.raises(ValueError, match="GraphProblem: `observations` is -1 at"):
        rc.GraphProblem(-LINKS)


def test_operators_are_checked_as_matrices_are():
    half = lx.MatrixLinearOperator(jnp.asarray(MATRIX, jnp.float16))
    assert rc.LinearProblem(half, COLUMN).operator.out_structure().dtype == jnp.float32
    with pytest.raises(TypeError, match="GeneralisedLinearProblem: `operator` is complex64; real data"):
        rc.GeneralisedLinearProblem(lx.MatrixLinearOperator(jnp.asarray(MATRIX * 1j)), COLUMN)
    with pytest.raises(ValueError, match="LinearProblem: `operator` is not finite in 1 of 24"):
        rc.LinearProblem(lx.MatrixLinearOperator(jnp.asarray(MATRIX).at[0, 0].set(jnp.nan)), COLUMN)
    structure = jax.ShapeDtypeStruct((4,), jnp.float16)
    with pytest.raises(TypeError, match="LinearProblem: `operator` is float16; an operator of single or double"):
        rc.LinearProblem(lx.FunctionLinearOperator(lambda x: x, structure), ROW)
    matrices = lx.FunctionLinearOperator(lambda x: x, jax.ShapeDtypeStruct((2, 2), jnp.float32))
    with pytest.raises(ValueError, match="an operator between vectors is allowed"):
        rc.LinearProblem(matrices, ROW)


def test_operators_of_scipy_are_refused_by_name():
    for given in (sp.linalg.aslinearoperator(MATRIX), sp.linalg.aslinearoperator(sp.csr_array(MATRIX))):
        with pytest.raises(TypeError, match=r"LinearProblem: `operator` is .*LinearOperator.* allowed"):
            rc.LinearProblem(given, COLUMN)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_data_that_single_precision_cannot_hold_are_refused(dtype):
    with pytest.raises(ValueError, match=r"`operator` holds .*e-4[34], which float32 cannot"):
        rc.LinearProblem((MATRIX * 1e-43).astype(dtype), COLUMN)


def test_problems_of_another_kind_and_several_numbers_for_one_are_named():
    problem, solver = rc.LinearProblem(MATRIX, COLUMN), rc.solvers.FISTA()
    for arguments, error, message in [
        ((problem, rc.solvers.ScaledGD()), TypeError, "ScaledGD takes a MatrixSensingProblem"),
        ((rc.SurfaceProblem(MATRIX), solver), TypeError, "FISTA takes a LinearProblem"),
        ((MATRIX, solver), TypeError, "FISTA takes a LinearProblem"),
        (
            (problem, rc.solvers.IHT(step_size=np.ones(2))),
            ValueError,
            r"`step_size` of IHT has shape \(2,\); one number",
        ),
    ]:
        with pytest.raises(error, match=f"solve: .*{message}"):
            rc.solve(*arguments)
    with pytest.raises(ValueError, match=r"`samples` of SparseRegression has shape \(2,\)"):
        rc.models.SparseRegression(8, np.array([4, 5]), 2).sample(jax.random.key(0))
