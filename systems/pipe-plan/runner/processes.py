"""Processes of a run: started and ended here, or by torchrun; the groups in which they talk."""

import json
import os
import subprocess
import sys
import time

import torch.distributed as dist


def make_groups(plan, rank):
    """Every rank makes every group, in one order. Each direction of a pair has a communicator of its own, so that sends
    of one direction never wait for those of the other."""
    stages, groups = plan["stages"], {"F": {}, "B": {}, "pipe": None, "stage": None}
    for g in range(plan["numGroups"]):
        ranks = [r for st in stages for r in st["ranks"][g]]
        made = dist.new_group(ranks) if len(ranks) > 1 else None
        if rank in ranks:
            groups["pipe"], groups["pipe_ranks"] = made, ranks
        for left, right in zip(stages, stages[1:]):
            for a in left["ranks"][g]:
                for b in right["ranks"][g]:
                    for kind in "FB":
                        groups[kind][frozenset((a, b))] = dist.new_group([a, b])
    for st in stages:
        ranks = [r for group in st["ranks"] for r in group]
        made = dist.new_group(ranks) if len(ranks) > 1 else None
        if rank in ranks:
            groups["stage"] = made
    return groups


def spawn(processes, limit, *more):
    """One process per device of this host, as torchrun would start them; all end after `limit` seconds."""
    env = {**os.environ, "WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1"}
    env.setdefault("MASTER_PORT", str(20000 + os.getpid() % 20000))
    children = [subprocess.Popen([sys.executable, *sys.argv, *more], env={**env, "RANK": str(r), "LOCAL_RANK": str(r)})
                for r in range(processes)]
    codes, end = [], time.time() + limit
    try:
        while len(codes) < processes and not any(codes) and time.time() < end:
            codes = [c.poll() for c in children if c.poll() is not None]
            time.sleep(0.05)
    finally:  # one that failed leaves the others waiting for it
        for child in children:
            if child.poll() is None and (any(codes) or time.time() >= end):
                child.kill()
    return max(abs(child.wait()) for child in children)


def run_modes(plan, args):
    """Starts the processes; again, without what is done or has failed, until every mode has its entry."""
    modes = args.modes.split(",")
    if os.path.exists(args.out):
        os.remove(args.out)
    code = 1
    for _ in modes:
        code = spawn(plan["numDevices"], args.limit, "--resume")
        entries = json.load(open(args.out))["results"] if os.path.exists(args.out) else []
        if code == 0 or not entries or {entry["mode"] for entry in entries} >= set(modes):
            break
    return code
