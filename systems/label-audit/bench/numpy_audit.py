"""The audit's common steps in NumPy: thresholds, confident joint, calibration, prune_by_noise_rate, adjusted margin; and the
same by cleanlab where it is installed.  Arguments: probs.npy labels.npy repeats.  Prints one JSON line: median processor seconds,
number of flags and sum of scores of each."""
import json, sys, time
import numpy as np


def round_rows(m):
    out = np.rint(m)
    for row, ints in zip(m, out):
        missing = int(round(row.sum()) - ints.sum())
        lost = row - ints
        order = np.argsort(lost)[::-1] if missing > 0 else np.argsort(lost)
        ints[order[: abs(missing)]] += 1 if missing > 0 else -1
    return out.astype(int)


def audit(labels, p):
    n, k = p.shape
    counts = np.bincount(labels, minlength=k)
    own = p[np.arange(n), labels]
    t = np.bincount(labels, weights=own, minlength=k) / counts
    is_confident = p >= t - 1e-6
    num_confident = is_confident.sum(axis=1)
    best = p.argmax(axis=1)
    guess = np.where(num_confident > 1, best, is_confident.argmax(axis=1))
    has_guess = num_confident > 0
    joint = np.bincount(labels[has_guess] * k + guess[has_guess], minlength=k * k).reshape(k, k)
    np.fill_diagonal(joint, np.maximum(joint.diagonal(), 1))
    scaled = joint / joint.sum(axis=1, keepdims=True) * counts[:, None]
    joint = round_rows(scaled / scaled.sum() * n)
    flags = np.zeros(n, bool)
    for given in range(k):
        rows = np.flatnonzero(labels == given)
        if len(rows) <= 1:
            continue
        part = p[rows]
        for other in np.flatnonzero(joint[given]):
            number = joint[given, other]
            if other == given:
                continue
            margin = part[:, other] - part[:, given]
            cut = -np.partition(-margin, number - 1)[number - 1]
            flags[rows[margin >= cut]] = True
    raised = p[np.arange(n), labels] + 1e-6
    flags &= ~((best == labels) | (raised >= p.max(axis=1)))
    adjusted = p + (t.max() - t).astype(p.dtype)
    adjusted /= adjusted.sum(axis=1, keepdims=True)
    own = adjusted[np.arange(n), labels]
    adjusted[np.arange(n), labels] = -1
    score = (own - adjusted.max(axis=1) + 1) / 2
    return flags, score


def audit_by_cleanlab(labels, p):
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    flags = find_label_issues(labels, p, filter_by="prune_by_noise_rate", n_jobs=1)
    return flags, get_label_quality_scores(labels, p, method="normalized_margin", adjust_pred_probs=True)


def measure(function, repeats):
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        flags, score = function(labels, probs)
        seconds.append(time.process_time() - start)
    return {
        "seconds": sorted(seconds)[len(seconds) // 2],
        "numFlagged": int(flags.sum()),
        "scoreSum": float(np.asarray(score, dtype=np.float64).sum()),
    }


probs, labels, repeats = np.load(sys.argv[1]), np.load(sys.argv[2]).astype(np.int64), int(sys.argv[3])
result = {"numpy": measure(audit, repeats)}
try:
    import cleanlab

    result["cleanlab"] = {"version": cleanlab.__version__, **measure(audit_by_cleanlab, max(1, repeats // 2))}
except ImportError:
    pass
print(json.dumps(result))
