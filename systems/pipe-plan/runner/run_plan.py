"""Runs plans of the pipe-plan room on PyTorch: one process per device, NCCL on GPUs, Gloo on CPUs.

    tenfold pipe-plan profile sd21                                    # writes profile.json
    python3 run_plan.py --profile profile.json --out measured-profile.json
    tenfold pipe-plan export measured-profile.json --devices 2 ...    # writes plan.json
    python3 run_plan.py --plan plan.json --out measured.json --trace trace.json    # or under torchrun

Modes: ddp, gpipe (equal layer counts, all forward then all backward), 1f1b (classic warm-up) and plan-nofill run the frozen
part first; plan-fill runs the next iteration's frozen part where the plan says. `--slow-link R` sends every gradient
all-reduce and every transfer R times: real traffic, an emulated slow network; say "emulated" when you quote such times.
Plan for that link with `export --slow-link R`. Weights are random. `--profile` runs on all devices at once and also measures
links, the update and what memory there is; `--out` is written after every mode, and a mode that fails loses no other.
`--check` compares gradients with the step without a pipeline (use float32).
"""

import argparse
import json
import os

import torch
import torch.distributed as dist

from data_parallel import DataParallel
from measure_profile import profile
from mode_times import measure, write_trace
from pipeline_stage import Pipeline
from processes import make_groups, run_modes, spawn

MODES = ["ddp", "gpipe", "1f1b", "plan-nofill", "plan-fill"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", help="plan in JSON, of `pipe-plan export`")
    parser.add_argument("--profile", help="profile in JSON, of `pipe-plan profile`: measure its layers instead of running a plan")
    parser.add_argument("--modes", default=",".join(MODES), help=f"of {', '.join(MODES)}")
    parser.add_argument("--iterations", type=int, default=10, help="timed iterations")
    parser.add_argument("--skip", type=int, default=3, help="iterations before them")
    parser.add_argument("--slow-link", type=int, default=1, help="times that every gradient all-reduce is sent")
    parser.add_argument("--dtype", default="bfloat16" if torch.cuda.is_available() else "float32")
    parser.add_argument("--sizes", type=lambda t: [int(n) for n in t.split(",")], default=[1, 2, 4, 8, 16, 32], help="profiled local batches")
    parser.add_argument("--processes", type=int, default=max(1, torch.cuda.device_count()), help="that profile at once")
    parser.add_argument("--limit", type=float, default=1e9, help="seconds after which processes are ended")
    parser.add_argument("--resume", action="store_true", help="leave out modes that --out holds already")
    parser.add_argument("--check", action="store_true", help="compare gradients with the step without a pipeline")
    parser.add_argument("--out", default="measured.json")
    parser.add_argument("--trace", help="Chrome trace of the last plan-fill iteration")
    args = parser.parse_args()
    local = int(os.environ.get("LOCAL_RANK", 0))
    device = torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if not args.plan and not args.profile:
        parser.error("--plan or --profile is needed")
    if args.profile:
        if "WORLD_SIZE" not in os.environ:
            raise SystemExit(spawn(args.processes, args.limit))
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        profile(args, device)
        dist.destroy_process_group()
        return
    plan = json.load(open(args.plan))
    if "WORLD_SIZE" not in os.environ and plan.get("numDevices", 1) > 1:
        raise SystemExit(run_modes(plan, args))
    unknown = set(args.modes.split(",")) - set(MODES)
    world = int(os.environ.get("WORLD_SIZE", 1))
    problems = [text for is_bad, text in [
        (plan.get("format") != "tenfold-pipe-plan", "this is no plan: export one with `tenfold pipe-plan export`"),
        (unknown, f"unknown modes {', '.join(sorted(unknown))}: choose from {', '.join(MODES)}"),
        ("architecture" not in plan, "the plan names no architecture: only plans of sd21, sd15, sd-mini or their profiles can run"),
        (plan.get("numDevices") != world, f"the plan is for {plan.get('numDevices')} processes, started were {world}"),
        (not plan.get("keepsSamplesInPlace"), "frozen samples move between devices: plan with --fill perDevice"),
        ("selfConditioning" in plan, "self-conditioned plans do not run here"),
        (any(plan["microBatch"] % s["replicas"] for s in plan.get("stages", [])), "replicas with unequal shares do not run here"),
        (plan.get("batch", 0) % world and "ddp" in args.modes, f"ddp needs a batch that {world} divides"),
    ] if is_bad]
    if problems:
        raise SystemExit("run_plan: " + "; ".join(problems))
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    rank, groups = dist.get_rank(), make_groups(plan, dist.get_rank())
    link = "native" if args.slow_link == 1 else f"emulated slow: every all-reduce and transfer {args.slow_link} times"
    report = {"device": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU", "processes": world,
              "torch": torch.__version__, "dtype": args.dtype, "link": link, "predicted": plan["predicted"], "results": []}
    if args.resume and os.path.exists(args.out):
        report["results"] = json.load(open(args.out))["results"]
    dist.barrier()
    done = {entry["mode"] for entry in report["results"]}

    def write(entry):
        report["results"] = [e for e in report["results"] if e["mode"] != entry["mode"]] + [entry]
        if rank == 0:
            json.dump(report, open(args.out, "w"), indent=1)

    for mode in args.modes.split(","):
        if mode in done:
            continue
        write({"mode": mode, "error": "did not finish"})
        runner = (DataParallel if mode == "ddp" else Pipeline)(plan, args, device)
        runner.groups = groups
        runner.prepare(mode)
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        result, spans = measure(runner, mode, args)
        gathered = [None] * world
        dist.all_gather_object(gathered, (spans, result["peakBytes"], getattr(runner, "check_error", None), result.pop("spanMs")))
        if result["peakBytes"] is not None:
            result["peakBytes"] = max(peak for _, peak, _, _ in gathered)
        if args.check and mode != "ddp":
            result["gradientError"] = max(error for _, _, error, _ in gathered)
        result["spanMs"] = [each for _, _, _, each in gathered]
        result["predictedMs"] = plan["predicted"].get("modesMs", {}).get(mode)
        write(result)
        if rank == 0:
            said = f", predicted {result['predictedMs']:.1f}" if result["predictedMs"] else ""
            print(f"{mode}: {result['medianMs']:.1f} ms ({result['quartilesMs'][0]:.1f} to {result['quartilesMs'][1]:.1f}){said}", flush=True)
            if args.trace and mode == "plan-fill":
                write_trace(args.trace, plan, [spans for spans, _, _, _ in gathered])
        del runner
        if device.type == "cuda":
            torch.cuda.empty_cache()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
