"""EM of spherical Gaussians with one shared variance and a prior per row, by matrix products; float64 as NumPy does it.
Reads features.npy, prior.npy, bases.npy; prints seconds per iteration of a whole run (median) and the last
log-likelihood as JSON."""
import json
import sys
import time

import numpy as np

folder, iterations, repeats = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
given = np.load(f"{folder}/features.npy")
prior = np.load(f"{folder}/prior.npy")
start = np.load(f"{folder}/bases.npy")
n, d = given.shape


def run():
    features = given.astype(np.float64)
    log_prior = 0.5 * np.log(prior.astype(np.float64) + 1e-6)
    squares = np.einsum("nd,nd->n", features, features)
    bases, variance = start.copy(), 1.0
    for _ in range(iterations):
        norms = np.einsum("kd,kd->k", bases, bases)
        logits = features @ bases.T
        logits -= 0.5 * norms
        logits -= 0.5 * squares[:, None]
        logits /= variance
        logits += log_prior
        logits -= 0.5 * d * np.log(2 * np.pi * variance)
        largest = logits.max(axis=1, keepdims=True)
        logits -= largest
        np.exp(logits, out=logits)
        sums = logits.sum(axis=1, keepdims=True)
        likelihood = float(largest.sum() + np.log(sums).sum())
        logits /= sums
        counts = logits.sum(axis=0)
        totals = logits.T @ features
        bases = totals / counts[:, None]
        scatter = logits.T @ squares - counts * np.einsum("kd,kd->k", bases, bases)
        variance = max(1e-3, float(scatter.sum()) / (n * d))
    return likelihood


run()
seconds = []
for _ in range(repeats):
    begin = time.process_time()
    likelihood = run()
    seconds.append((time.process_time() - begin) / iterations)
print(json.dumps({"seconds": sorted(seconds)[repeats // 2], "likelihood": likelihood, "version": np.__version__}))
