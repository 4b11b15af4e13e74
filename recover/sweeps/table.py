"""The table a sweep returns."""

import dataclasses
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..statistics.binomial import is_real
from .columns import as_column

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from .plan import Grid


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of a sweep and the questions one asks them.

    - `frame`: one row per (cell, solver, trial): the axes, `solver`, `trial`, `error`, `result` (a name of `Result`),
      `steps`, what the solver and the model report and `measure` returns besides, `history` and `<key>_history` if recorded,
      and `block`.
    - `provenance`: one row per block, indexed by `block`: configuration hash, commit, versions, device, dtype, compile and
      run seconds.
    - `axes`: names and values of the grid's axes.
    - `settings`: seed, steps, sharing, precision and the digest of the code.
    - `grid`: the models and solvers of the cells.
    """

    frame: "pd.DataFrame"
    provenance: "pd.DataFrame"
    axes: dict[str, list]
    settings: dict
    grid: "Grid" = dataclasses.field(repr=False)

    @staticmethod
    def assemble(
        grid: "Grid", trials: Sequence[int] | np.ndarray, parts: list[dict], records: list[dict], settings: dict
    ) -> "Table":
        """Joins the rows of all blocks with the grid points they belong to; trials are ascending, and rows may be missing."""
        import pandas as pd

        lane_index = {name: number for number, name in enumerate(dict.fromkeys(entry.lane for entry in grid.entries))}
        leading = ("lane", "trial", "error", "result", "steps")
        found = dict.fromkeys(name for part in parts for name in part)
        columns = {name: [] for name in (*leading, *(name for name in found if name not in leading))}
        for part in parts:
            count = len(part["trial"])
            for name in columns:
                columns[name].append(part[name] if name in part else np.full(count, np.nan))
        lanes = np.asarray([lane_index.get(name, -1) for name in np.concatenate(columns.pop("lane"))])
        trial = np.concatenate(columns.pop("trial"))
        # Position of each (lane, trial) among the stored rows; rows that were computed twice are equal.
        trials = np.asarray(trials)
        column = np.minimum(np.searchsorted(trials, trial), len(trials) - 1)
        wanted = (lanes >= 0) & (trials[column] == trial)
        position = np.full((len(lane_index), len(trials)), -1)
        position[lanes[wanted], column[wanted]] = np.flatnonzero(wanted)
        entries = np.asarray([lane_index[entry.lane] for entry in grid.entries])
        rows = position[entries].reshape(-1)
        data: dict = {}

        def repeated(values: list):
            column = np.repeat(as_column(values), len(trials))
            # By themselves, strings with None among them would become missing strings.
            return pd.Series(column, dtype=object) if column.dtype.hasobject else column

        for number, name in enumerate(grid.axes):
            data[name] = repeated([entry.coordinates[number] for entry in grid.entries])
        data["solver"] = repeated([entry.label for entry in grid.entries])
        data["trial"] = np.tile(trials, len(entries))
        for name, pieces in columns.items():
            values = np.concatenate(pieces)[rows]
            data[name] = list(values) if values.ndim > 1 else values
        frame = pd.DataFrame(data)
        if (rows < 0).any():
            frame = frame[rows >= 0].reset_index(drop=True)
        provenance = pd.DataFrame.from_records(records)
        provenance.index.name = "block"
        return Table(frame, provenance.rename(columns={"block": "name"}), dict(grid.axes), settings, grid)

    @staticmethod
    def read(store: str | os.PathLike, *, sweep: str | None = None) -> "Table":
        """The rows of a store, without the code that wrote them: what `sweep(..., store=)` has computed so far.

        Also those of `trace_boundary(..., store=)`. Sweeps of the same settings and axes are one table: more trials, more axis
        values, other solvers. Rows of older code are left out, as the log says, where newer code has the same solvers.

        **Arguments:**

        - `store`: the folder.
        - `sweep`: which one, where the store holds sweeps of different settings or axes; without it the error lists them.

        **Returns:** a table that knows no models: `audit` and what `grid` has raise `ValueError`. Values of axes that JSON
        cannot hold (functions, classes) are the words that describe them.

        **Raises:** `ValueError` for a folder that is no store, one that an earlier version wrote, one without rows so far, and
        one whose sweeps are no one table.
        """
        from .reading import read_table

        return read_table(store, sweep)

    def _outcomes(self, below: float, metric: str) -> "pd.DataFrame":
        if not isinstance(metric, str) or metric not in self.frame:
            raise ValueError(
                f"`metric` is {metric!r}; the name of a column is allowed: {', '.join(self.frame.columns)}."
            )
        if self.frame[metric].dtype.kind not in "biuf":
            raise ValueError(f"`metric` is {metric!r}, a column that holds no numbers; a column of numbers is allowed.")
        if not is_real(below) or np.isnan(below):
            raise ValueError(f"`below` is {below!r}; a number is allowed.")
        # A comparison with NaN is false, so a diverged row is a failure.
        return self.frame[[*self.axes, "solver", "trial"]].assign(success=self.frame[metric] < below)

    def success(self, below: float, *, metric: str = "error", confidence: float = 0.95) -> "pd.DataFrame":
        """Success rate of every cell and solver with its exact (Clopper-Pearson) binomial interval.

        A row succeeds if its `metric` is less than `below`. Columns: axes, `solver`, `rate`, `low`, `high`, `successes`,
        `trials`.
        """
        from ..statistics.tables import success_table

        by = [*self.axes, "solver"]
        _check_names("success", by, ("rate", "low", "high", "successes", "trials"))
        return success_table(self._outcomes(below, metric), by, confidence=confidence)

    def boundary(
        self,
        axis: str,
        *,
        below: float,
        level: float = 0.5,
        metric: str = "error",
        confidence: float = 0.95,
        replicates: int = 400,
        seed: int = 0,
    ) -> "pd.DataFrame":
        """Where along `axis` the success probability crosses `level`, for every value of the other axes and solver.

        A binomial logistic fit; its interval resamples whole trials, since cells of a trial may share a design.

        **Raises:** `ValueError` for an unknown axis or a level outside (0, 1).
        """
        from ..statistics.tables import boundary

        if not isinstance(axis, str) or axis not in self.axes:
            raise ValueError(f"boundary: `axis` is {axis!r}; allowed: {', '.join(self.axes)}.")
        if not is_real(level) or not 0 < level < 1:
            raise ValueError(f"boundary: `level` is {level!r}; a probability strictly between 0 and 1 is allowed.")
        by = [name for name in self.axes if name != axis] + ["solver"]
        _check_names("boundary", by, ("boundary", "low", "high", "width", "status", "trials", "points"))
        return boundary(
            self._outcomes(below, metric),
            axis,
            by,
            level=level,
            confidence=confidence,
            replicates=replicates,
            seed=seed,
        )

    def to_xarray(self) -> "xr.Dataset":
        """The columns as arrays over the axes, `solver` and `trial`; histories have an axis `record` more.

        Where a cell has no such solver there is NaN, or an empty string. Attributes are the settings and, as JSON, the
        provenance, so that netCDF and zarr hold all of it.

        **Raises:** `ImportError` without xarray, `ValueError` for an axis with a value twice.
        """
        from .labelled import labelled

        return labelled(self)

    def audit(
        self,
        count: int = 10,
        *,
        seed: int = 0,
        precision: str = "float64",
        relative: float = 0.1,
        absolute: float = 1e-3,
    ) -> "pd.DataFrame":
        """Solves randomly chosen rows again, each by itself and in float64, and compares.

        Batching, padding, queues and reduced precision should change no conclusion. Columns: axes, `solver`, `trial`,
        `error`, `result` and `steps` as stored; `error_alone`, `result_alone`, `steps_alone`; and `agrees`, whether the
        two errors differ by at most `absolute + relative * error_alone` (or both are not finite). Runs that neither
        converge nor stall early are chaotic and may well disagree; a solved row that does not is a fault.

        **Raises:** `ValueError` for a count that is not positive, or larger than the number of rows.
        """
        from .audit import solve_alone

        if not isinstance(count, (int, np.integer)) or not 1 <= count <= len(self.frame):
            raise ValueError(
                f"audit: `count` is {count!r}; an integer from 1 to {len(self.frame)} (the number of rows) is allowed."
            )
        chosen = np.sort(np.random.default_rng(seed).choice(len(self.frame), count, replace=False))
        columns = [*self.axes, "solver", "trial", "error", "result", "steps"]
        rows = self.frame.iloc[chosen][columns].reset_index(drop=True)
        known = {(entry.coordinates, entry.label): entry for entry in self.grid.entries}
        names = [*self.axes, "solver"]
        entries = [known[tuple(row[:-1]), row[-1]] for row in rows[names].itertuples(index=False, name=None)]
        picks = list(zip(entries, rows["trial"], strict=True))
        settings = self.settings
        alone = solve_alone(
            grid=self.grid, picks=picks, precision=precision, **{k: settings[k] for k in ("seed", "max_steps", "share")}
        )
        for name, values in alone.items():
            rows[f"{name}_alone"] = values
        with np.errstate(invalid="ignore"):
            near = np.abs(rows.error - rows.error_alone) <= absolute + relative * np.abs(rows.error_alone)
        return rows.assign(agrees=near | ~(np.isfinite(rows.error) | np.isfinite(rows.error_alone)))


def _check_names(method: str, axes: list[str], columns: tuple[str, ...]) -> None:
    for name in axes:
        if name in columns:
            raise ValueError(
                f"{method}: an axis is named {name!r}, as a column of what is returned; any name but {', '.join(columns)} is "
                "allowed. `frame` has the rows, for a summary of your own."
            )
