"""Lanes and stores tell code apart, however it came to be; random streams do not."""

import importlib.util
import linecache
import os
import subprocess
import sys
import textwrap
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.sweeps.content import content_digest, root_key
from tests.sweeps.toy import LeastSquares, Means

SOLVER = """
    import jax.numpy as jnp
    from tests.sweeps.toy import LeastSquares
    FACTOR = {factor}
    def scaled(value):
        return {body}
    class Mine(LeastSquares):
        def estimate(self, problem, state):
            return scaled(state[0])
"""


def solver(factor=1.0, body="FACTOR * value"):
    return textwrap.dedent(SOLVER.format(factor=factor, body=body))


def session(source, name="__main__"):
    """What runs in a session without a file: the names that it leaves behind."""
    module = types.ModuleType(name)
    exec(compile(source, "<cell>", "exec"), module.__dict__)
    return module


def loaded(path, source, name="helpers_of_mine"):
    """A file, written and loaded under a name, whatever was loaded under that name before."""
    path.write_text(source)
    specification = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    linecache.checkcache()
    exec(compile(source, str(path), "exec"), module.__dict__)
    return module


@pytest.fixture
def errors():
    """The errors of a sweep of some solvers on noiseless data, whose least squares solution is the truth."""

    def run(solvers, **options):
        frame = rc.sweep(lambda: (Means(4, noise=0.0), solvers), {}, trials=3, **options).frame
        return frame.pivot(index="trial", columns="solver", values="error")

    return run


def test_two_classes_of_one_name(errors):
    old, new = session(solver(1.0)), session(solver(2.0))
    found = errors({"old": old.Mine(), "new": new.Mine()})
    assert (found["old"] < 1e-5).all()
    assert (found["new"] > 1e-3).all()
    assert content_digest(old.Mine()) == content_digest(new.Mine())


def test_two_models_of_one_name_see_one_stream():
    source = """
        from tests.sweeps.toy import Means
        class Mine(Means):
            def error(self, truth, estimate):
                return {factor} * abs(truth - estimate)
    """
    first, second = (session(textwrap.dedent(source.format(factor=factor))).Mine for factor in (1.0, 3.0))
    frame = rc.sweep(
        lambda which: ((first if which == 1 else second)(5), LeastSquares(rounds=0)), {"which": [1, 2]}, trials=3
    ).frame
    one, two = (frame[frame.which == which].error.to_numpy() for which in (1, 2))
    np.testing.assert_allclose(two, 3 * one, rtol=1e-6)


@pytest.mark.parametrize("values", [[1.0, 2.0], [(1.0,), (2.0,)], ["1", "2"]])
def test_a_class_that_closes_over_a_value(values):
    def made(f):
        factor = float(f if isinstance(f, (float, str)) else f[0])

        class Local(LeastSquares):
            def estimate(self, problem, state):
                return factor * state[0]

        return Local()

    frame = rc.sweep(lambda f: (Means(4, noise=0.0), made(f)), {"f": values}, trials=2).frame
    wrong = frame.error > 1e-3
    assert wrong.tolist() == [False, False, True, True]


def test_functions_in_fields_are_told_apart_by_their_code(errors):
    source = """
        import equinox as eqx
        from tests.sweeps.toy import LeastSquares
        def change(value):
            return {factor} * value
        class Mine(LeastSquares):
            change: object = eqx.field(static=True, default=change)
            def estimate(self, problem, state):
                return self.change(state[0])
    """
    kinds = [session(textwrap.dedent(source.format(factor=factor)), "cells").Mine for factor in (1.0, 2.0)]
    found = errors({"old": kinds[0](), "new": kinds[1]()})
    assert (found["new"] > 1e-3).all()
    assert (found["old"] < 1e-5).all()


@pytest.mark.parametrize("edit", [{"factor": 2.0}, {"body": "FACTOR * value + 1"}])
@pytest.mark.parametrize("where", ["session", "file"])
def test_an_edited_class_is_computed_again(edit, where, tmp_path, errors):
    def get(**parts):
        if where == "session":
            return session(solver(**parts)).Mine()
        return loaded(tmp_path / "helpers_of_mine.py", solver(**parts)).Mine()

    store = tmp_path / "rows"
    assert (errors(get(), store=store) < 1e-5).all(axis=None)
    assert (errors(get(**edit), store=store) > 1e-3).all(axis=None)
    assert (errors(get(), store=store) < 1e-5).all(axis=None)
    assert len(list(store.rglob("*.parquet"))) == 2


@pytest.mark.parametrize("where", ["session", "file"])
def test_an_edited_base_class_is_computed_again(where, tmp_path, errors):
    def get(factor):
        base = session(solver(factor), "bases") if where == "session" else loaded(tmp_path / "base.py", solver(factor))

        class Derived(base.Mine):
            pass

        return Derived()

    store = tmp_path / "rows"
    assert (errors(get(1.0), store=store) < 1e-5).all(axis=None)
    assert (errors(get(2.0), store=store) > 1e-3).all(axis=None)


def test_a_helper_of_a_session_that_is_written_again(tmp_path, errors):
    """The class is the same object; what it calls, or a number that it reads, has changed."""
    module = session(solver(1.0))
    store = tmp_path / "rows"
    assert (errors(module.Mine(), store=store) < 1e-5).all(axis=None)
    module.FACTOR = 2.0
    assert (errors(module.Mine(), store=store) > 1e-3).all(axis=None)
    module.FACTOR = 1.0
    exec("def scaled(value):\n    return 3 * value", module.__dict__)
    assert (errors(module.Mine(), store=store) > 1e-3).all(axis=None)
    assert (errors(module.Mine()) > 1e-3).all(axis=None)


def test_a_method_that_is_replaced(monkeypatch, tmp_path, errors):
    module = session(solver(1.0))
    assert (errors(module.Mine(), store=tmp_path) < 1e-5).all(axis=None)
    monkeypatch.setattr(module.Mine, "estimate", lambda self, problem, state: 2 * state[0])
    assert (errors(module.Mine(), store=tmp_path) > 1e-3).all(axis=None)


def test_a_method_of_this_package_that_is_replaced(monkeypatch, tmp_path):
    def swept():
        model = rc.models.SparseRegression(dimension=20, samples=15, sparsity=2)
        return rc.sweep(lambda: (model, rc.solvers.AMP()), {}, trials=1, max_steps=5, store=tmp_path).frame.error[0]

    before = swept()
    monkeypatch.setattr(rc.solvers.AMP, "estimate", lambda self, problem, state: jnp.zeros(20))
    assert swept() != before


def test_an_edited_ensemble_is_computed_again(tmp_path):
    source = """
        import jax.numpy as jnp
        from recover.operators.ensembles import Gaussian
        class Mine(Gaussian):
            def draw(self, key, samples, dimension):
                return super().draw(key, samples, dimension)
            def version(self):
                return {version}
    """

    def stored(version):
        ensemble = session(textwrap.dedent(source.format(version=version))).Mine
        model = rc.models.SparseRegression(dimension=20, samples=15, sparsity=2, ensemble=ensemble())
        rc.sweep(lambda: (model, rc.solvers.OMP(sparsity=2)), {}, trials=1, max_steps=5, store=tmp_path)
        return len(list(tmp_path.rglob("*.parquet")))

    assert [stored(1), stored(2), stored(1)] == [1, 2, 2]


def test_what_a_model_leaves_out_of_its_content_is_told_apart():
    class Quiet(Means):
        factor: jax.Array = 1.0

        def __init__(self, samples, factor):
            super().__init__(samples)
            self.factor = np.asarray(factor)

        def content(self):
            return ((name, value) for name, value in super().content() if name != "factor")

        def error(self, truth, estimate):
            return jnp.asarray(self.factor, jnp.float32) * jnp.abs(truth - estimate)

    frame = rc.sweep(lambda f: (Quiet(5, f), LeastSquares(rounds=0)), {"f": [1.0, 2.0]}, trials=2).frame
    one, two = (frame[frame.f == f].error.to_numpy() for f in (1.0, 2.0))
    np.testing.assert_allclose(two, 2 * one, rtol=1e-6)


SCRIPT = """
import sys
import jax.numpy as jnp
import recover as rc
from tests.sweeps.toy import LeastSquares, Means

class Model(Means):
    def error(self, truth, estimate):
        return {factor} * jnp.abs(truth - estimate)

def measured(model, truth, problem, solver, state):
    return {{"aim": {factor} * truth}}

table = rc.sweep(lambda: (Model(5), LeastSquares()), {{}}, trials=2, store=sys.argv[1], measure=measured)
print(len(table.frame))
"""


def test_a_script_on_the_standard_input(tmp_path):
    def run(factor):
        text = SCRIPT.format(factor=factor)
        done = subprocess.run(
            [sys.executable, "-", str(tmp_path)], input=text, capture_output=True, text=True, timeout=200
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return len(list(tmp_path.rglob("*.parquet")))

    assert [run(1), run(1), run(2)] == [1, 1, 2]


SEEDS = [5, 2**32 - 1, 2**32 + 5, 2**33 + 5, 2**63 + 5, 2**200 + 5]


def test_every_seed_is_a_stream_of_its_own_in_both_precisions(float64_too):
    found = {}
    for seed in SEEDS:
        single, double = float64_too(seed)
        np.testing.assert_allclose(single, double, atol=1e-5)
        found[seed] = tuple(np.round(double, 4))
    assert len(set(found.values())) == len(SEEDS)


@pytest.fixture
def float64_too():
    def run(seed):
        options = {"trials": 3, "seed": seed}
        return [
            rc.sweep(lambda: (Means(4), LeastSquares()), {}, precision=precision, **options).frame.error.to_numpy()
            for precision in ("float32", "float64")
        ]

    return run


@pytest.mark.parametrize("seed", [0, 5, 2**31, 2**32 - 1])
def test_seeds_below_two_to_the_32_keep_their_streams(seed):
    assert (jax.random.key_data(root_key(seed)) == jax.random.key_data(jax.random.key(seed))).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trials": range(2**31, 2**31 + 1)}, "`trials` is"),
        ({"max_steps": 2**31}, "`max_steps` is 2147483648"),
        ({"seed": True}, "`seed` is True"),
    ],
)
def test_numbers_beyond_32_bits_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        rc.sweep(lambda: (Means(4), LeastSquares()), {}, **{"trials": 1, **change})


def test_a_late_trial_costs_no_memory():
    trials = range(2**31 - 3, 2**31 - 1)
    assert rc.sweep(lambda: (Means(4), LeastSquares()), {}, trials=trials).frame.trial.tolist() == list(trials)


HELD = """
import dataclasses, enum, functools, sys
import jax, jax.numpy as jnp, numpy as np, pandas as pd, pydantic
import recover as rc
from recover.sweeps.loaded_code import Codes
from tests.sweeps.toy import LeastSquares

class Numbers(pydantic.BaseModel):
    values: dict[str, float] = {"a": 1.0}
    law: str = pydantic.Field(default="even", pattern="even|odd")

@dataclasses.dataclass
class Plain:
    names: set

Law = enum.Enum("Law", ["even", "odd"])

def made(held):
    class Mine(LeastSquares):
        def step(self, problem, state):
            return (held, {"x", "y", "z"}, state in {"p", "q", "r"})
    return Mine

HELD = {
    "pydantic": Numbers(), "dataclass": Plain({"a", "b", "c"}), "enum": Law.odd, "names": frozenset("abcdef"),
    "partial": functools.partial(sorted, key=len), "jitted": jax.jit(lambda x: x + 1), "generator": np.random.default_rng(1),
    "frame": pd.DataFrame({"a": [1, 2]}), "array": jnp.arange(3), "solver": rc.solvers.AMP(), "key": jax.random.key(3),
    "function": jnp.sin, "universal": np.add, "index": rc.solvers, "kind": rc.solvers.AMP, "nested": [{"a": [1, (2, None)]}],
}
for name, held in HELD.items():
    code = Codes().of(made(held))
    assert not code.opaque, (name, code.opaque)
    print(name, code.identity.hex(), code.program.hex(), code.source.hex())
"""


def test_code_is_told_by_its_content_in_any_process():
    def told(seed):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", HELD], capture_output=True, text=True, timeout=200, env=environment
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout.splitlines()

    first = told("1")
    assert first == told("2")
    # Closures tell them apart; the code is one, but where a class or a function is held.
    assert len({line.split()[1] for line in first}) == len(first)
