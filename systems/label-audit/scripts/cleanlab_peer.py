"""cleanlab on the files that `repair.ts --out` wrote: what it flags, how well it ranks, and how good its corrections are
(its suggestion is the most likely class; it has no other repair).   python cleanlab_peer.py FOLDER"""
import glob, json, os, sys
import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores


def auroc(score, is_wrong):
    order = np.argsort(score, kind="stable")
    ranks = np.empty(len(score))
    ranks[order] = np.arange(1, len(score) + 1)
    n1 = is_wrong.sum()
    return 1 - (ranks[is_wrong].sum() - n1 * (n1 + 1) / 2) / (n1 * (len(score) - n1))


def average_precision(score, is_wrong):
    hits = is_wrong[np.argsort(score, kind="stable")]
    return float((np.cumsum(hits)[hits] / (np.flatnonzero(hits) + 1)).mean())


for file in sorted(glob.glob(os.path.join(sys.argv[1], "*-probs.npy"))):
    base = file[: -len("probs.npy")]
    p, labels, truth = np.load(file), np.load(base + "labels.npy"), np.load(base + "truth.npy")
    is_wrong = labels != truth
    flags = find_label_issues(labels, p, n_jobs=1)
    precision = is_wrong[flags].mean()
    recall = flags[is_wrong].mean()
    best = p.argmax(axis=1)
    scores = {
        name: get_label_quality_scores(labels, p, method=method, adjust_pred_probs=adjust)
        for name, method, adjust in [
            ("self_confidence", "self_confidence", False),
            ("normalized_margin", "normalized_margin", False),
            ("adjusted_margin", "normalized_margin", True),
        ]
    }
    print(json.dumps({
        "rate": os.path.basename(base)[:-1],
        "precision": precision, "recall": recall, "f1": 2 * precision * recall / (precision + recall),
        "auroc": {name: auroc(s, is_wrong) for name, s in scores.items()},
        "average_precision": {name: average_precision(s, is_wrong) for name, s in scores.items()},
        "accuracy_given": float((labels == truth).mean()),
        "accuracy_argmax": float((best == truth).mean()),
        "accuracy_flagged_argmax": float((np.where(flags, best, labels) == truth).mean()),
    }))
