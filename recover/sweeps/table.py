"""The table a sweep returns."""

import dataclasses
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..statistics.binomial import is_real
from .columns import as_column, is_missing
from .selecting import chosen_values, shown
from .summary import as_html, as_text

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from ..statistics.scaling import Collapse
    from .plan import Grid


@dataclasses.dataclass(frozen=True, repr=False)
class Table:
    """Rows of a sweep and the questions one asks them.

    - `frame`: one row per (cell, solver, trial): the axes, `solver`, `trial`, `error`, `result` (a name of `Result`),
      `steps`, what the solver and the model report and `measure` returns besides, `history` and `<key>_history` if recorded,
      and `block`.
    - `provenance`: one row per block, indexed by `block`: configuration hash, commit, versions, device, dtype, compile and
      run seconds.
    - `axes`: names and values of the grid's axes.
    - `settings`: seed, steps, sharing, precision and the digest of the code.
    - `grid`: the models and solvers of the cells; what was read from a store (`read`) has none.
    """

    frame: "pd.DataFrame"
    provenance: "pd.DataFrame"
    axes: dict[str, list]
    settings: dict
    grid: "Grid"

    def __repr__(self) -> str:
        """What is in it, in a few lines."""
        return as_text(self)

    def _repr_html_(self) -> str:
        return as_html(self)

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

    def select(self, **wanted: Any) -> "Table":
        """The rows at some coordinates, as a table with all that tables can do.

        ```python
        table.select(samples=100, solver="AMP")
        table.select(samples=slice(100, 200), sparsity=[4, 8], trial=range(10))
        ```

        **Arguments:** names of axes, `solver` and `trial`, each with a value; with several of them (a list, tuple, set or array,
        every one of which must be there); with a slice, both of whose ends belong to it; or with a range, of which those are
        taken that are there.

        **Raises:** `ValueError` for a name that is none of these, for a value that is not there, and where no row is left; it says
        what is there.
        """
        import pandas as pd

        there = {**self.axes, "solver": list(dict.fromkeys(self.frame["solver"]))}
        there["trial"] = np.unique(self.frame["trial"]).tolist()
        chosen = {}
        for name, wish in wanted.items():
            if name not in there:
                raise ValueError(f"select: there is no axis {name!r}; allowed: {', '.join(there)}.")
            chosen[name] = chosen_values(name, there[name], wish)
        kept = np.ones(len(self.frame), bool)
        for name, values in chosen.items():
            codes, found = pd.factorize(self.frame[name], use_na_sentinel=False)
            # An axis may hold None, which pandas takes for a missing value, and no value that is one.
            kept &= np.asarray([(None if is_missing(value) else value) in values for value in found], bool)[codes]
        if not kept.any():
            raise ValueError(f"select: no row has {' and '.join(f'{name} {shown(chosen[name])}' for name in chosen)}.")
        axes = {name: chosen.get(name, values) for name, values in self.axes.items()}
        frame = self.frame[kept].reset_index(drop=True)
        return dataclasses.replace(self, frame=frame, axes=axes, grid=self.grid.within(axes, chosen.get("solver")))

    def _values(self, metric: str) -> "pd.Series":
        """A column of numbers."""
        if not isinstance(metric, str) or metric not in self.frame:
            raise ValueError(
                f"`metric` is {metric!r}; the name of a column is allowed: {', '.join(self.frame.columns)}."
            )
        if self.frame[metric].dtype.kind not in "biuf":
            raise ValueError(f"`metric` is {metric!r}, a column that holds no numbers; a column of numbers is allowed.")
        return self.frame[metric]

    def _outcomes(self, below: float, metric: str) -> "pd.DataFrame":
        values = self._values(metric)
        if not is_real(below) or np.isnan(below):
            raise ValueError(f"`below` is {below!r}; a number is allowed.")
        # A comparison with NaN is false, so a diverged row is a failure.
        return self.frame[[*self.axes, "solver", "trial"]].assign(success=values < below)

    def _others(self, method: str, added: tuple[str, ...], **taken: str) -> list[str]:
        """The columns that tell curves apart, besides the axes that a method takes by their names."""
        for argument, axis in taken.items():
            if not isinstance(axis, str) or axis not in self.axes:
                raise ValueError(f"{method}: `{argument}` is {axis!r}; allowed: {', '.join(self.axes)}.")
        by = [name for name in self.axes if name not in taken.values()] + ["solver"]
        _check_names(method, by, added)
        return by

    def success(self, below: float, *, metric: str = "error", confidence: float = 0.95) -> "pd.DataFrame":
        """Success rate of every cell and solver with its exact (Clopper-Pearson) binomial interval.

        A row succeeds if its `metric` is less than `below`. Columns: axes, `solver`, `rate`, `low`, `high`, `successes`,
        `trials`.
        """
        from ..statistics.tables import success_table

        by = self._others("success", ("rate", "low", "high", "successes", "trials"))
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

        by = self._others("boundary", ("boundary", "low", "high", "width", "status", "trials", "points"), axis=axis)
        if not is_real(level) or not 0 < level < 1:
            raise ValueError(f"boundary: `level` is {level!r}; a probability strictly between 0 and 1 is allowed.")
        return boundary(
            self._outcomes(below, metric),
            axis,
            by,
            level=level,
            confidence=confidence,
            replicates=replicates,
            seed=seed,
        )

    def rate(
        self,
        axis: str,
        *,
        metric: str = "error",
        below: float | None = None,
        scale: str = "log",
        confidence: float = 0.95,
        replicates: int = 2000,
        seed: int = 0,
    ) -> "pd.DataFrame":
        r"""How fast `metric` falls along `axis`: the slope of its logarithm, for every value of the other axes and solver.

        **Arguments:**

        - `axis`: an axis of numbers.
        - `metric`: a column of positive numbers. Rows where it is zero or not finite have no logarithm, and are left out.
        - `below`: leaves out rows where `metric` is not less than it, as those that failed; by default none.
        - `scale`: `"log"` for a power law, the slope of $b$ of error $\approx f x^b$ (-0.5 along the number of samples, say);
          `"linear"` for geometric decay, error $\approx f e^{b x}$.
        - `confidence`, `replicates`, `seed`: of the interval, which resamples whole trials (BCa).

        **Returns:** one row per curve: the other axes, `solver`, `rate` ($b$), `low`, `high`, `factor` ($f$), `deviation` (the
        largest factor between the geometric mean over trials and the line), `status`, `trials`, `points` and `used` (the share
        of rows that were not left out). With fewer than ten trials the interval is infinite and `status` says `few trials`; it
        says `unresolved` where fewer than two values have rows.

        **Raises:** `ValueError` for an unknown axis, one that holds no numbers, or none with a logarithm.
        """
        from ..statistics.rates import rate_table

        added = ("rate", "low", "high", "factor", "deviation", "status", "trials", "points", "used", "value")
        by = self._others("rate", added, axis=axis)
        _check_names("rate", [axis], ("value",))
        values = self._values(metric).astype(float)
        if below is not None:
            values = values.where(self._outcomes(below, metric)["success"])
        outcomes = self.frame[[*self.axes, "solver", "trial"]].assign(value=values)
        return rate_table(outcomes, axis, by, scale=scale, confidence=confidence, replicates=replicates, seed=seed)

    def collapse(
        self,
        *,
        size: str,
        axis: str,
        below: float,
        metric: str = "error",
        confidence: float = 0.95,
        replicates: int = 400,
        seed: int = 0,
    ) -> "Collapse":
        r"""Finite-size scaling: success as one function of $(x - x_c) N^{1/\nu}$, for every value of the other axes and solver.

        **Arguments:**

        - `size`: the axis of the system size $N$; at least two values at which successes and failures overlap are needed.
        - `axis`: the axis $x$ along which success changes, one in which the transition stays in place (a share of the size, say).
        - `below`, `metric`: a row succeeds if its `metric` is less than `below`.
        - `confidence`, `replicates`, `seed`: of the intervals, which resample whole trials (BCa), from ten trials on.

        **Returns:** a `Collapse`: `fits` has the critical point $x_c$, the exponent $\nu$ and their intervals, `cells` the success
        rates over the scaled axis, to draw. `recover.statistics.scaling.collapse` says how.

        **Raises:** `ValueError` for an unknown axis, or one that does not hold numbers.
        """
        from ..statistics.scaling import CELLS, FITS, collapse

        by = self._others("collapse", (*FITS, *CELLS), size=size, axis=axis)
        if size == axis:
            raise ValueError(f"collapse: `size` and `axis` are both {axis!r}; two axes are allowed.")
        _check_names("collapse", [size, axis], CELLS)
        outcomes = self._outcomes(below, metric)
        return collapse(outcomes, size, axis, by, confidence=confidence, replicates=replicates, seed=seed)

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
