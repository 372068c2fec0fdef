"""The peer of compare.bench.ts: the comparison that people write by hand, in torch, on the same files.

    python3 compare_torch.py REFERENCE CANDIDATE REPEATS
Reads both traces tensor by tensor (one rank a file, or shards joined along dimension 0) and prints the best wall and CPU
times in ms and the largest relative error. Importing torch is not counted."""
import glob
import json
import os
import struct
import sys
import time

import torch

DTYPES = {"F32": torch.float32, "BF16": torch.bfloat16}


def load(path):
    with open(path, "rb") as f:
        (length,) = struct.unpack("<Q", f.read(8))
        header = json.loads(f.read(length))
        base = 8 + length
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            start, end = entry["data_offsets"]
            f.seek(base + start)
            data = torch.frombuffer(bytearray(f.read(end - start)), dtype=DTYPES[entry["dtype"]])
            yield name, data.view(entry["shape"])


def merged(folder):
    readers = [load(path) for path in sorted(glob.glob(os.path.join(folder, "*.safetensors")))]
    for parts in zip(*readers):
        yield parts[0][0], parts[0][1] if len(parts) == 1 else torch.cat([tensor for _, tensor in parts])


def compare(reference, candidate):
    worst = 0.0
    for (name, a), (other, b) in zip(merged(candidate), merged(reference)):
        assert name == other
        a, b = a.float(), b.float()
        worst = max(worst, float((a - b).norm() / b.norm()))
    return worst


if __name__ == "__main__":
    torch.set_num_threads(2)
    times, cpu = [], []
    for _ in range(int(sys.argv[3])):
        started, used = time.perf_counter(), time.process_time()
        rel = compare(sys.argv[1], sys.argv[2])
        times.append((time.perf_counter() - started) * 1000)
        cpu.append((time.process_time() - used) * 1000)
    print(json.dumps({"ms": min(times), "cpuMs": min(cpu), "rel": rel, "torch": torch.__version__}))
