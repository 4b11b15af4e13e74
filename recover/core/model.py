"""What every model is: a design, observations of a planted signal under it, and an error of estimates."""

import abc
from typing import Generic, TypeVar

import equinox as eqx
import jax
from jaxtyping import Array, Float, Key, PyTree

from . import draws
from .checks import require_key
from .fields import AbstractModule, require_scalars
from .leaves import cast_floating, floating_dtype

__all__ = ["AbstractModel"]

DesignT = TypeVar("DesignT")
ProblemT = TypeVar("ProblemT")
TruthT = TypeVar("TruthT")


class AbstractModel(AbstractModule, Generic[DesignT, ProblemT, TruthT]):
    """A planted signal, the channel that measures it, and its noise.

    Static fields fix shapes and kinds; everything one may sweep is an array leaf. Sizes that are array leaves have a
    padded maximum in the static field `capacities` (`recover.core.sizes`), which sweeps fill in.
    """

    @abc.abstractmethod
    def design(self, key: Key[Array, ""]) -> DesignT:
        """What is expensive to draw and can be shared by many instances. Must not depend on any array leaf."""

    @abc.abstractmethod
    def observe(self, key: Key[Array, ""], design: DesignT) -> tuple[ProblemT, TruthT]:
        """A planted signal and its observations under a given design."""

    @abc.abstractmethod
    def error(self, truth: TruthT, estimate: PyTree) -> Float[Array, ""]:
        """How wrong an estimate is: a scalar that is zero exactly for the truth, up to the model's ambiguities."""

    def metrics(self, truth: TruthT, estimate: PyTree) -> dict[str, Float[Array, ""]]:
        """Further scalars about an estimate, by name: columns of a sweep besides the error. None by default."""
        return {}

    def sample(self, key: Key[Array, ""]) -> tuple[ProblemT, TruthT]:
        """An instance with a design of its own, drawn by one compiled program.

        **Raises:** `TypeError` for what is no random key, `ValueError` for a model with several numbers in a field of one.
        """
        require_key(f"{type(self).__name__}.sample", "key", key)
        require_scalars(f"{type(self).__name__}.sample", self)
        return _sample(self, key)


@eqx.filter_jit
def _sample(model, key):
    model = in_default_precision(model)
    key_design, key_observe = draws.split(key)
    with jax.default_matmul_precision("float32"):
        return model.observe(key_observe, model.design(key_design))


ModuleT = TypeVar("ModuleT", bound=AbstractModule)


def in_default_precision(module: ModuleT) -> ModuleT:
    """A model in the precision of what it draws, which is that of JAX, or a solver of its problems: cast once, at the door."""
    return cast_floating(module, floating_dtype())
