"""Markers convert, check and record capacities; renamed keywords are refused or translated."""

import inspect

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from recover.core.checks import RULES, Rule, check
from recover.core.fields import (
    AbstractModule,
    Real,
    Size,
    choice,
    count,
    integer,
    leaf,
    renamed,
    require_scalars,
    size,
)


class Sensing(AbstractModule):
    dimension: int = count(1)
    rank: Size = size(1, most="dimension")
    samples: Size = size(1)
    noise: Real = leaf(0.0, "standard deviation")
    penalty: Real | None = leaf(None, "positive")
    patience: Size = leaf(50, "count")
    support: Size = integer(0, "dimension", default=0)
    entries: str = choice("gaussian", "signs")
    symmetric: bool = eqx.field(static=True, default=True)

    def check_together(self):
        if self.entries == "signs" and self.noise > 0:
            raise ValueError("Sensing: `noise` needs Gaussian entries.")


@renamed("damping", "relaxation", translate=lambda damping: 1 - damping, meaning="the share of the new message")
class Refused(AbstractModule):
    """Messages."""

    relaxation: Real = leaf(0.9, "share")


@renamed("damping", "ridge")
class Aliased(AbstractModule):
    ridge: Real = leaf(0.0, "nonnegative")


class Derived(AbstractModule):
    """A constructor that only assigns: markers still convert, check and record."""

    total: Size = size(1)
    weight: Real = leaf(rule="positive")

    def __init__(self, half, weight=1):
        self.total = 2 * half
        self.weight = weight


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dimension": 0}, "Sensing: `dimension` is 0; an integer of at least 1 is allowed."),
        ({"dimension": 2.5}, "Sensing: `dimension` is 2.5; an integer of at least 1 is allowed."),
        ({"dimension": True}, "Sensing: `dimension` is True; an integer of at least 1 is allowed."),
        ({"rank": 9}, "Sensing: `rank` is 9; an integer from 1 to 8 (the dimension) is allowed."),
        ({"rank": 0}, "Sensing: `rank` is 0; an integer from 1 to 8 (the dimension) is allowed."),
        ({"samples": 1.5}, "Sensing: `samples` is 1.5; an integer of at least 1 is allowed."),
        ({"support": 9}, "Sensing: `support` is 9; an integer from 0 to 8 (the dimension) is allowed."),
        ({"noise": float("nan")}, "Sensing: `noise` is nan; a standard deviation of at least 0 is allowed."),
        ({"noise": "much"}, "Sensing: `noise` is 'much'; a standard deviation of at least 0 is allowed."),
        ({"penalty": 0}, "Sensing: `penalty` is 0.0; a positive number is allowed."),
        ({"penalty": [1.0, -1.0]}, "Sensing: `penalty` is [ 1. -1.]; a positive number is allowed."),
        ({"patience": -1}, "Sensing: `patience` is -1; an integer of at least 0 is allowed."),
        ({"entries": "sign"}, "Sensing: `entries` is 'sign'; allowed: gaussian, signs."),
        ({"entries": "signs", "noise": 1}, "Sensing: `noise` needs Gaussian entries."),
    ],
)
def test_a_bad_value_is_named_with_what_is_allowed(arguments, message):
    with pytest.raises(ValueError, match="Sensing") as error:
        Sensing(**{"dimension": 8, "rank": 2, "samples": 20} | arguments)
    assert str(error.value) == message


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_refuses_nan_and_lets_unknown_values_through(name):
    with pytest.raises(ValueError, match="is nan; "):
        check("Owner", "value", np.nan, name)
    check("Owner", "value", None, name)
    check("Owner", "value", jax.ShapeDtypeStruct((), np.float32), name)
    jax.jit(lambda value: check("Owner", "value", value, name))(-1.0)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("at least one", 1, 0.9),
        ("closed probability", 1, 1.1),
        ("count", 0, -1),
        ("decay", 0, 1),
        ("decibels", -np.inf, np.nan),
        ("finite", -3.0, np.inf),
        ("nonnegative", 0, np.inf),
        ("positive", 1e-9, 0),
        ("positive count", 1, 0),
        ("probability", 0.5, 1),
        ("share", 1, 0),
        ("standard deviation", 0, -1),
        ("switch", False, 2),
    ],
)
def test_rules_draw_their_line(name, good, bad):
    check("Owner", "value", good, name)
    with pytest.raises(ValueError, match="`value` is"):
        check("Owner", "value", bad, name)


def test_a_rule_of_ones_own():
    class Odd(AbstractModule):
        window: Size = leaf(3, Rule("an odd number", lambda value: value % 2 == 1))

    assert Odd(5).window == 5
    with pytest.raises(ValueError, match=r"Odd: `window` is 4\.0; an odd number is allowed"):
        Odd(4)


def test_leaves_are_traced_scalars_of_their_kind():
    module = Sensing(8, 2, 20, noise=1, penalty=3)
    kinds = {name: getattr(module, name).dtype for name in ("rank", "samples", "noise", "penalty", "patience")}
    assert kinds == {"rank": "i4", "samples": "i4", "noise": "f8", "penalty": "f8", "patience": "i4"}
    assert isinstance(module.rank, np.ndarray)
    assert module.dimension == 8
    assert Sensing(np.int64(8), 2, 20).dimension.__class__ is int
    assert jax.tree.structure(module) == jax.tree.structure(Sensing(8, 2, 20, noise=0.5, penalty=0.1))
    assert Sensing(8, 2, 20).penalty is None


def test_capacities_are_those_of_sizes_that_are_known():
    module = Sensing(8, 2, np.asarray([20, 30]))
    assert module.capacities == (("rank", 2), ("samples", 30))
    assert "capacities" not in repr(module)
    assert "capacities" not in inspect.signature(Sensing).parameters
    assert Derived(3).capacities == (("total", 6),)
    assert jax.tree.unflatten(*reversed(jax.tree.flatten(module))).capacities == module.capacities


def test_traced_values_are_neither_checked_nor_measured():
    @jax.jit
    def build(rank, noise):
        return Sensing(8, rank, 20, noise=noise)

    module = build(9, -1.0)
    assert module.capacities == (("samples", 20),)
    assert module.rank == 9
    # A bound that is traced is unknown too.
    jax.jit(lambda most: Bounded(7, most).size)(3)


class Bounded(AbstractModule):
    size: Size = integer(1, "most")
    most: Size = integer(1)


def test_a_hand_written_constructor_only_assigns():
    derived = Derived(3)
    assert (derived.total.dtype, derived.weight.dtype) == ("i4", "f8")
    with pytest.raises(ValueError, match=r"Derived: `weight` is -1\.0; a positive number is allowed"):
        Derived(3, -1)


def test_content_keeps_old_names():
    class Renamed(AbstractModule):
        dimension: int = count(1)
        relaxation: Real = leaf(0.5, "share", known_as="damping")
        samples: Size = size(1, default=4)

    assert [name for name, _ in Renamed(3).content()] == ["dimension", "damping", "samples"]
    assert [name for name, _ in Derived(1).content()] == ["total", "weight"]


def test_a_keyword_with_another_meaning_is_refused_with_its_translation():
    assert Refused(relaxation=0.25).relaxation == 0.25
    with pytest.raises(TypeError) as error:
        Refused(damping=0.75)
    assert str(error.value) == (
        "Refused: `damping` is now `relaxation`, the share of the new message: "
        "write `relaxation=0.25` for `damping=0.75`."
    )
    assert list(inspect.signature(Refused).parameters) == ["relaxation"]
    assert Refused.__doc__ == "Messages."


def test_an_alias_warns():
    with pytest.warns(DeprecationWarning, match=r"Aliased: `damping` is now `ridge`\."):
        assert Aliased(damping=0.5).ridge == 0.5
    with pytest.raises(TypeError, match="give one of them"):
        Aliased(damping=0.5, ridge=0.5)


def test_batches_of_modules_need_no_constructor():
    modules = [Sensing(8, rank, 20) for rank in (1, 2)]
    padded = [eqx.tree_at(lambda module: module.samples, module, jnp.asarray(5)) for module in modules]
    assert [module.capacities[0] for module in padded] == [("rank", 1), ("rank", 2)]


class Outer(AbstractModule):
    """Fields that hold what no rule is about."""

    inner: Sensing
    wide: bool = eqx.field(static=True, default=False)
    spare: Sensing | None = None
    anything: object = None


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"inner": None}, TypeError, "Outer: `inner` is None; a Sensing is allowed."),
        ({"inner": "much"}, TypeError, "Outer: `inner` is 'much', a str; a Sensing is allowed."),
        ({"spare": 3}, TypeError, "Outer: `spare` is 3, a int; a Sensing is allowed."),
        ({"wide": 1}, TypeError, "Outer: `wide` is 1; True or False is allowed."),
    ],
)
def test_modules_and_flags_are_of_their_kind(arguments, error, message):
    arguments = {"inner": Sensing(8, 2, 20), **arguments}
    with pytest.raises(error, match=message):
        Outer(**arguments)


def test_what_must_be_given_may_not_be_none():
    with pytest.raises(ValueError, match=r"Sensing: `samples` is None; a value is needed\."):
        Sensing(8, 2, None)
    assert Sensing(8, 2, 20, penalty=None).penalty is None
    assert Outer(Sensing(8, 2, 20)).spare is None


def test_several_numbers_may_be_built_and_are_refused_as_one():
    several = Outer(Sensing(8, 2, np.asarray([20, 30])))
    with pytest.raises(ValueError, match=r"solve: `samples` of Sensing has shape \(2,\); one number is allowed"):
        require_scalars("solve", (several,))
    jax.vmap(lambda module: require_scalars("solve", module))(
        Sensing(
            np.int64(8), np.asarray([2, 2]), np.asarray([2, 3]), np.zeros(2), None, np.ones(2, int), np.zeros(2, int)
        )
    )


@pytest.mark.parametrize("value", [True, np.bool_(True), np.asarray([False, True])])
@pytest.mark.parametrize("rule", [name for name in RULES if name != "switch"])
def test_what_is_true_or_false_is_a_switch_and_no_number(rule, value):
    with pytest.raises(ValueError, match=r"Owner: `field` is .*True"):
        check("Owner", "field", value, rule)
    check("Owner", "field", value, "switch")
