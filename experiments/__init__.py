"""One module per paper: from validated numbers to sweeps, from sweeps to tables."""
