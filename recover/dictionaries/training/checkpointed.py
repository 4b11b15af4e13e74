"""Training on batches that the host hands over, with checkpoints that a killed run goes on from."""

import dataclasses
import hashlib
import itertools
import json
import logging
import os
import pathlib
from collections.abc import Callable, Iterable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Float, Key

from ...core import draws
from ...core.checks import require_integer, require_key
from ...core.data import shown
from ...core.leaves import cast_floating
from ...core.sizes import with_capacities
from ...sweeps.content import content_digest
from ...sweeps.program import stack
from ...sweeps.progress import check_progress, reporter
from ..autoencoder_training import AutoencoderTraining, TrainingState
from ..autoencoders.autoencoder import SparseAutoencoder
from .sources import ActivationFile, ShuffledBatches

__all__ = ["Trained", "train"]

_LOG = logging.getLogger("recover")

# What the files of all checkpoints were when they had been written.
_DIGESTS = "digests.json"


@dataclasses.dataclass(frozen=True)
class Trained:
    """What training came to: the last state, steps taken, the loss of the last batch, and the autoencoder(s)."""

    state: TrainingState
    steps: int
    loss: np.ndarray | np.floating
    autoencoders: tuple[SparseAutoencoder, ...]

    @property
    def autoencoder(self) -> SparseAutoencoder:
        """The only (or the first) autoencoder."""
        return self.autoencoders[0]


def train(
    source: ActivationFile,
    training: AutoencoderTraining | Sequence[AutoencoderTraining],
    *,
    steps: int,
    key: Key[Array, ""] | None = None,
    checkpoints: str | os.PathLike | None = None,
    every: int = 1000,
    keep: int = 2,
    stride: int = 16,
    block: int = 1024,
    buffer: int = 64,
    progress: bool | Callable[[int, int], None] | None = None,
) -> Trained:
    """Trains one autoencoder, or several of equal structure side by side, on the rows of files.

    **Arguments:**

    - `source`: where rows come from.
    - `training`: what `rc.solve` would be given; several must agree in everything but numbers (a grid of numbers of active
      neurons, penalties, rates, widths), see the same batches, and run as one program.
    - `steps`: batches in all, those before an interruption counted.
    - `key`: random starts, and the order of rows.
    - `checkpoints`: folder to write to; a run with the same arguments goes on from the last whole checkpoint there, and ends with
      the same numbers, bit for bit on one kind of device, as one that was never interrupted. Damaged ones are set aside beside
      the folder.
    - `every`, `keep`: steps between checkpoints (rounded up to a multiple of `stride`), and how many to keep.
    - `stride`: batches handed to the device at a time; `block`, `buffer`: see `ShuffledBatches`.
    - `progress`: a bar, none, or a function of (steps done, steps in all), as for `rc.sweep`.

    **Raises:** `ValueError` for a checkpoint of another run (also one on other rows in files of the same names and sizes), or
    trainings of different structure.
    """
    several, members = not isinstance(training, AutoencoderTraining), _members(training)
    _check(
        source,
        {"steps": steps, "every": every, "keep": keep, "stride": stride, "block": block, "buffer": buffer},
    )
    check_progress("train", progress)
    if checkpoints is not None and not (isinstance(checkpoints, (str, os.PathLike)) and str(checkpoints)):
        raise TypeError(f"train: `checkpoints` is {checkpoints!r}; the path of a folder is allowed.")
    key = jax.random.key(0) if key is None else key
    require_key("train", "key", key)
    stacked = _stacked(members)
    key_start, key_order = draws.split(key)
    seed = np.asarray(jax.random.key_data(key_order)).tolist()
    batch = members[0].batch
    batches = ShuffledBatches(source, batch, seed, block=block, buffer=buffer)
    keys = draws.split(key_start, len(members))
    first = jnp.asarray(next(batches.since(0)))
    state = _begin(stacked, first, keys)
    run = [content_digest(each).hex() for each in members], source.identity(), seed, [batch, block, buffer, stride]
    store = None if checkpoints is None else _Checkpoints(checkpoints, keep, run)
    done = 0
    if store is not None:
        state, done = store.restore(state)
    period = -(-every // stride) * stride
    report = reporter(progress, steps)
    with report:
        report.advance(done)
        feed = batches.since(done)
        while done < steps:
            count = min(stride, steps - done)
            rows = jnp.asarray(np.stack(list(itertools.islice(feed, count))))
            state = _advance(stacked, state, rows)
            done += count
            # A strided run that goes on past an uneven end would cut its strides elsewhere, which changes nothing in them.
            if store is not None and (done % period == 0 or done == steps):
                store.save(done, state)
            report.advance(count)
    if store is not None:
        store.close()
    entries = [jtu.tree_map(lambda leaf, i=i: leaf[i], state) for i in range(len(members))]
    autoencoders = tuple(each.autoencoder(entry) for each, entry in zip(members, entries, strict=True))
    loss = np.asarray(state.loss)
    return Trained(state if several else entries[0], done, loss if several else loss[0], autoencoders)


def _members(training) -> list[AutoencoderTraining]:
    several = isinstance(training, Sequence) and not isinstance(training, str)
    members = list(training) if several else [training]
    wrong = [each for each in members if not isinstance(each, AutoencoderTraining)]
    if wrong or not members:
        text = shown(wrong[0]) if wrong else "empty"
        raise TypeError(f"train: `training` is {text}; an `AutoencoderTraining`, or a list of them, is allowed.")
    return members


def _check(source, numbers: dict) -> None:
    if not isinstance(source, ActivationFile):
        raise TypeError(f"train: `source` is {shown(source)}; an `ActivationFile` is allowed.")
    for name, value in numbers.items():
        if value is None:
            raise ValueError(f"train: `{name}` is None; a positive integer is allowed.")
        require_integer("train", name, value, 1)


def _stacked(members: list[AutoencoderTraining]) -> AutoencoderTraining:
    names = {name for each in members for name, _ in each.capacities}
    largest = {name: max(dict(each.capacities)[name] for each in members) for name in names}
    padded = [with_capacities(each, largest) for each in members]
    if len({str(jtu.tree_structure(each)) for each in padded}) > 1:
        raise ValueError("train: `training` has members of different structure; only numbers may differ.")
    return cast_floating(stack(padded), np.float32)


@eqx.filter_jit
def _begin(stacked, inputs: Float[Array, "batch dimension"], keys) -> TrainingState:
    with jax.default_matmul_precision("float32"):
        return jax.vmap(lambda training, key: training.begin(inputs, key))(stacked, keys)


@eqx.filter_jit(donate="all-except-first")
def _advance(stacked, state: TrainingState, rows: Float[Array, "strides batch dimension"]) -> TrainingState:
    with jax.default_matmul_precision("float32"):

        def one(state, inputs):
            return jax.vmap(lambda training, own: training.absorb(own, inputs))(stacked, state), None

        return jax.lax.scan(one, state, rows)[0]


class _Checkpoints:
    """Checkpoints of one run; those of another are refused."""

    def __init__(self, folder: str | os.PathLike, keep: int, run: tuple):
        import orbax.checkpoint as ocp

        self._ocp = ocp
        self.folder = pathlib.Path(folder).expanduser().resolve()
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"train: `checkpoints` is {os.fspath(folder)!r}, which is no folder; a folder is allowed.")
        self.run = hashlib.blake2b(json.dumps(run).encode(), digest_size=16).hexdigest()
        options = ocp.CheckpointManagerOptions(max_to_keep=keep, enable_async_checkpointing=False)
        self._manager = ocp.CheckpointManager(self.folder, options=options, item_names=("state", "run"))

    def save(self, step: int, state: TrainingState) -> None:
        ocp = self._ocp
        leaves = {str(number): leaf for number, leaf in enumerate(jtu.tree_leaves(state))}
        described = {"run": self.run, "digest": _digest(leaves.values())}
        items = ocp.args.Composite(state=ocp.args.StandardSave(leaves), run=ocp.args.JsonSave(described))
        self._manager.save(step, args=items, force=True)
        files = {each: self._known().get(str(each)) for each in self._manager.all_steps()}
        content = json.dumps({**files, step: self._files(step)})
        temporary = self.folder / ".digests.writing"
        temporary.write_text(content)
        temporary.replace(self.folder / _DIGESTS)

    def _known(self) -> dict[str, dict[str, str] | None]:
        """Digests of the files of checkpoints; nothing where they cannot be read."""
        try:
            found = json.loads((self.folder / _DIGESTS).read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def _files(self, step: int) -> dict[str, str]:
        root = self.folder / str(step)
        files = sorted(path for path in root.rglob("*") if path.is_file())
        return {
            path.relative_to(root).as_posix(): hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
            for path in files
        }

    def restore(self, like: TrainingState) -> tuple[TrainingState, int]:
        """The last whole checkpoint and its step, or the given state and none; damaged ones are set aside."""
        for step in sorted(self._manager.all_steps(), reverse=True):
            try:
                # Before anything is read by others, who leave tasks behind where they fail.
                if (known := self._known().get(str(step))) is not None and known != self._files(step):
                    raise ValueError("its files are not what was written")
                described = self._described(step)
                state = self._state(step, like, described["digest"]) if described["run"] == self.run else None
            # A damaged file can lead its reader anywhere.
            except Exception as error:
                self._set_aside(step, error)
                continue
            if state is None:
                raise ValueError(
                    f"train: {self.folder} holds checkpoints of another run (other data, numbers or key); "
                    "give another folder, or remove it."
                )
            return state, step
        return like, 0

    def _set_aside(self, step: int, error: Exception) -> None:
        path = self.folder / str(step)
        aside = self.folder.with_name(f"{self.folder.name}.damaged")
        _LOG.warning(
            "train: the checkpoint %s is damaged (%s); it is moved to %s, and training goes on from an older one, or from the start.",
            *(path, f"{type(error).__name__}: {error!s:.200}", aside),
        )
        aside.mkdir(exist_ok=True)
        number = next(each for each in itertools.count() if not (aside / f"{step}-{each}").exists())
        path.rename(aside / f"{step}-{number}")
        self._manager.reload()

    def _described(self, step: int) -> dict[str, str]:
        ocp = self._ocp
        return self._manager.restore(step, args=ocp.args.Composite(run=ocp.args.JsonRestore())).run

    def _state(self, step: int, like: TrainingState, digest: str) -> TrainingState:
        ocp = self._ocp
        leaves, structure = jtu.tree_flatten(like)
        template = {str(number): leaf for number, leaf in enumerate(leaves)}
        restored = self._manager.restore(step, args=ocp.args.Composite(state=ocp.args.StandardRestore(template))).state
        found = [restored[str(number)] for number in range(len(leaves))]
        if _digest(found) != digest:
            raise ValueError("its content is not that of its digest")
        return jtu.tree_unflatten(structure, found)

    def close(self) -> None:
        self._manager.close()


def _digest(leaves: Iterable[Array]) -> str:
    stream = hashlib.blake2b(digest_size=16)
    for leaf in leaves:
        array = np.asarray(leaf)
        stream.update(f"{array.dtype.str}{array.shape}".encode())
        stream.update(np.ascontiguousarray(array).tobytes())
    return stream.hexdigest()
