"""Runs in Magni's own environment: AMP with minimax thresholds over the instances of an .npz file; prints JSON.

Needs nothing but that environment. Magni checks its arguments on every call; the checks are switched off for the timing.
"""

import json
import sys
import time

import numpy as np
from magni.cs.reconstruction import amp
from magni.cs.reconstruction.amp.util import theta_mm
from magni.utils.validation import disable_validation


def main():
    """Solves one instance after another in double precision, as Magni does by default."""
    data = np.load(sys.argv[1])
    designs = data["designs"].astype(np.float64)
    observations, truths = data["observations"].astype(np.float64), data["truths"]
    theta = theta_mm(designs.shape[1] / designs.shape[2])
    amp.config["threshold_parameters"] = {
        "threshold_level_update_method": "residual",
        "theta": theta,
        "tau_hat_sq": 1.0,
    }
    amp.config["iterations"] = int(data["max_steps"])
    # The mean squared change of a coefficient: by default it stops at three correct digits, ours at six.
    amp.config["tolerance"] = 1e-13
    disable_validation()
    amp.run(observations[0][:, None], designs[0])
    errors = []
    wall, cores = time.perf_counter(), time.process_time()
    for i in range(len(truths)):
        estimate = amp.run(observations[i][:, None], designs[i % len(designs)])[:, 0]
        errors.append(float(np.linalg.norm(estimate - truths[i]) / np.linalg.norm(truths[i])))
    wall, cores = time.perf_counter() - wall, time.process_time() - cores
    print(json.dumps({"seconds": wall, "core_seconds": cores, "errors": errors}))


main()
