"""One module per paper: from validated numbers to sweeps, from sweeps to tables."""

import os

# Two blocks run side by side, each of many small eigendecompositions. LAPACK's own threads gain nothing there, and where
# other work shares the cores they wait for each other at every call (measured: 8 times slower). Read when SciPy loads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
