"""Writes fixtures/cleanlab-ties.json: problems full of equal numbers, answered by cleanlab with NumPy's stable sort.
cleanlab sorts unstably, so with ties its own answer depends on the processor; with a stable sort it is defined.
python cleanlab_cases.py ../fixtures/cleanlab-ties.json   (cleanlab 2.9.0)"""
import json, sys
import numpy as np

unstable = np.argsort


def stable(a, axis=-1, kind=None, order=None, **more):
    return unstable(a, axis=axis, kind="stable", order=order, **more)


np.argsort = stable
import cleanlab
from cleanlab.count import compute_confident_joint
from cleanlab.filter import find_label_issues

FILTERS = [
    "prune_by_noise_rate", "prune_by_class", "both", "confident_learning", "predicted_neq_given",
    "low_self_confidence", "low_normalized_margin",
]
STEPS = 64
rng = np.random.default_rng(7)
cases = []
for n, k, frac in [(160, 3, 1.0), (180, 9, 1.0), (220, 20, 1.0), (260, 26, 0.5)]:
    truth = rng.integers(0, k, n)
    labels = np.where(rng.random(n) < 0.25, rng.integers(0, k, n), truth)
    labels[:k] = np.arange(k)
    steps = np.zeros((n, k), dtype=int)
    for i in range(n):
        favour = np.full(k, 0.5 / k)
        favour[truth[i]] += 0.3
        favour[rng.integers(0, k)] += 0.2
        steps[i] = rng.multinomial(STEPS, favour)
    p = (steps / STEPS).astype(np.float32)  # exact
    flags = {
        name: np.flatnonzero(find_label_issues(labels, p, filter_by=name, frac_noise=frac, n_jobs=1)).tolist()
        for name in FILTERS
    }
    cases.append({
        "K": k, "fracNoise": frac, "labels": labels.tolist(), "steps": steps.tolist(),
        "joint": compute_confident_joint(labels, p).tolist(), "flags": flags,
    })
with open(sys.argv[1], "w") as file:
    json.dump({"source": f"cleanlab {cleanlab.__version__}, stable sort", "stepsPerRow": STEPS, "cases": cases}, file)
