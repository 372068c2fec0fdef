"""Two GPUs, NCCL: a tensor-parallel GPT, clean and with three bugs, recorded as sketches, and what recording costs.

    python3 systems/trace-check/scripts/nccl-run.py OUT              # two GPUs
    DEVICE=cpu python3 systems/trace-check/scripts/nccl-run.py OUT   # two processes over Gloo, a smaller model for the costs
Writes traces to OUT/<name> and OUT/overhead.json. Afterwards, on any machine:
    tenfold trace-check check OUT/reference OUT/clean --pert OUT/perturbed-1 --pert OUT/perturbed-2"""
import json
import os
import subprocess
import sys

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = sys.argv[1]
SMALL = {"device": os.environ.get("DEVICE", "cuda"), "precision": "bfloat16", "level": "sketch", "hidden": 256, "heads": 8, "ffn": 512, "vocab": 1024, "seq": 128,
         "batch": 2, "layers": 6, "micro": 2, "buckets": 256}
TP = {"mesh": {"tp": 2}, "sp": True}
# Layers of the width of a 1 B model; four of them are timed.
LARGE = dict(SMALL, hidden=2048, heads=16, ffn=5632, vocab=8192, seq=1024, batch=1, layers=4, micro=1, steps=3, **TP)


def run(jobs, name):
    path = os.path.join(OUT, name + ".json")
    with open(path, "w") as f:
        json.dump(jobs, f)
    subprocess.run([sys.executable, os.path.join(HERE, "torch_gpt.py"), path], check=True)
    with open(path + ".results") as f:
        return json.load(f)


def folder(name):
    return os.path.join(OUT, name)


if __name__ == "__main__":
    os.makedirs(OUT, exist_ok=True)
    jobs = [dict(SMALL, out=folder("reference"), role="reference"), dict(SMALL, out=folder("perturbed-1"), role="perturbed", perturb=1),
            dict(SMALL, out=folder("perturbed-2"), role="perturbed", perturb=2), dict(SMALL, out=folder("clean"), **TP)]
    jobs += [dict(SMALL, out=folder(bug), bug=bug, **mesh) for bug, mesh in
             (("tp-embedding-mask", TP), ("sp-final-norm", TP), ("cp-attention-backward", {"mesh": {"cp": 2}}))]
    print(json.dumps(run(jobs, "traces"), indent=1))
    scratch = os.environ.get("SCRATCH", "/tmp")
    rows = []
    if SMALL["device"] == "cpu":
        LARGE = dict(SMALL, hidden=512, heads=8, ffn=1408, vocab=2048, seq=128, batch=1, layers=2, micro=1, steps=3)
    for level in ("off", "stats", "hash", "sketch", "full"):
        job = dict(LARGE, out=os.path.join(scratch, "overhead-" + level), record=level != "off", level="full" if level == "off" else level)
        seconds = run([job], "overhead-" + level)[0]["stepSec"]
        held = [os.path.join(job["out"], name) for name in os.listdir(job["out"])] if level != "off" else []
        rows.append({"level": level, "stepSec": seconds, "ratio": seconds / (rows[0]["stepSec"] if rows else seconds),
                     "megabytesPerStep": sum(map(os.path.getsize, held)) / job["steps"] / 1e6})
        print(rows[-1], flush=True)
    with open(folder("overhead.json"), "w") as f:
        json.dump({"device": "cpu" if SMALL["device"] == "cpu" else torch.cuda.get_device_name(0), "torch": torch.__version__, "model": LARGE, "rows": rows}, f, indent=1)
