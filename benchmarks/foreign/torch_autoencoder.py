"""Runs in PyTorch's own environment: the training loop of a TopK autoencoder as one writes it; prints JSON.

Needs nothing but that environment. Tied unit rows, trained scales, biases and centre, Adam, rows normalised after every
step, as in our training.
"""

import json
import sys
import time

import numpy as np
import torch


def train(rows, start, active, rate):
    """One autoencoder over all batches; the last loss."""
    decoder = torch.tensor(start, requires_grad=True)
    bias = torch.zeros(len(start), requires_grad=True)
    scale = torch.full((len(start),), 0.1, requires_grad=True)
    centre = torch.zeros(rows.shape[2], requires_grad=True)
    optimiser = torch.optim.Adam([decoder, bias, scale, centre], lr=rate)
    for inputs in rows:
        positive = torch.relu((inputs - centre) @ decoder.T + bias)
        values, places = torch.topk(positive, active, dim=1)
        codes = torch.zeros_like(positive).scatter(1, places, values) * scale
        loss = ((codes @ decoder + centre - inputs) ** 2).sum() / (2 * len(inputs))
        optimiser.zero_grad()
        loss.backward()
        with torch.no_grad():
            decoder.grad -= (decoder.grad * decoder).sum(dim=1, keepdim=True) * decoder
            optimiser.step()
            decoder /= decoder.norm(dim=1, keepdim=True)
    return float(loss.detach())


def main():
    """Trains a few, after one that warms up, on one thread and on all; the faster of both counts."""
    data = np.load(sys.argv[1])
    rows, start = torch.from_numpy(data["rows"]), data["start"]
    active, rate, repeats = int(data["active"]), float(data["rate"]), int(data["repeats"])
    timings = []
    for threads in {1, torch.get_num_threads()}:
        torch.set_num_threads(threads)
        train(rows[:20], start, active, rate)
        wall, cores = time.perf_counter(), time.process_time()
        for _ in range(repeats):
            loss = train(rows, start, active, rate)
        timings.append((time.perf_counter() - wall, time.process_time() - cores))
    wall, cores = (min(column) for column in zip(*timings, strict=True))
    print(
        json.dumps(
            {"seconds": wall, "core_seconds": cores, "count": repeats, "loss": loss, "version": torch.__version__}
        )
    )


main()
