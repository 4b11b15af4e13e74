"""The example of the README: a phase diagram of AMP with its fitted transition and the theory."""

import matplotlib.pyplot as plt
import numpy as np

import recover as rc


def cell(samples, sparsity):
    return rc.models.SparseRegression(dimension=400, samples=samples, sparsity=sparsity), rc.solvers.AMP()


axes = {"samples": range(40, 401, 24), "sparsity": range(4, 244, 12)}
table = rc.sweep(cell, axes, trials=10, seed=0, max_steps=300)
rate = table.success(below=1e-3).pivot(index="sparsity", columns="samples", values="rate")
fit = table.boundary("sparsity", level=0.5, below=1e-3)
ratio = np.linspace(0.1, 0.99, 60)

plt.figure(figsize=(4.5, 3.2), layout="constrained")
plt.pcolormesh(rate.columns, rate.index, rate, cmap="cividis")
plt.colorbar(label="success rate")
plt.errorbar(
    fit.samples, fit.boundary, [fit.boundary - fit.low, fit.high - fit.boundary], fmt="w.", label="fitted 50 %"
)
plt.plot(400 * ratio, rc.theory.donoho_tanner_weak(ratio) * 400 * ratio, "--", color="#E69F00", label="Donoho-Tanner")
plt.gca().set(xlabel="samples", ylabel="sparsity", ylim=(4, 232))
plt.legend(loc="upper left")
plt.savefig("first_phase_diagram.png", dpi=130)
