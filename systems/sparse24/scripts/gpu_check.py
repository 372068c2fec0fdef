"""Checks a mask on a GPU: logits parity with transformers, conversion to the sparse tensor-core format, speed by batch size.

Usage: python gpu_check.py <model folder> <mask24.safetensors> <parity.safetensors>
Needs: torch with CUDA, transformers, safetensors. parity.safetensors comes from write-parity.ts.
"""
import sys

import torch
from safetensors.torch import load_file
from torch.sparse import to_sparse_semi_structured
from transformers import LlamaForCausalLM

SHAPES = [(4096, 4096), (11008, 4096)]
BATCHES = [1, 16, 256, 1024, 4096, 8192]


def unpack(packed, shape):
    """Two blocks a byte, low nibble first; a nibble is first | second << 2."""
    nibbles = torch.stack([packed & 15, packed >> 4], 1).flatten().long()[: shape[0] * shape[1] // 4]
    mask = torch.zeros(len(nibbles), 4, dtype=torch.bool)
    rows = torch.arange(len(nibbles))
    mask[rows, nibbles & 3] = True
    mask[rows, nibbles >> 2] = True
    return mask.view(shape)


def median_ms(run, repeats=30):
    for _ in range(5):
        run()
    times = []
    for _ in range(repeats):
        start, end = torch.cuda.Event(True), torch.cuda.Event(True)
        start.record()
        run()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end))
    return sorted(times)[repeats // 2]


def captured(run):
    """The same work as a CUDA graph: no time of the host between kernels."""
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            run()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay


def main():
    folder, mask_file, parity_file = sys.argv[1:4]
    print(torch.cuda.get_device_name(), "torch", torch.__version__)
    parity = load_file(parity_file)
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokens = parity["tokens"]

    def deviation(name):
        with torch.no_grad():
            logits = model(tokens).logits[0]
        return ((logits - parity[name]).norm() / parity[name].norm()).item()

    print(f"dense logits: relative deviation from ours {deviation('dense'):.2e}")
    masks = load_file(mask_file)
    for name, parameter in model.named_parameters():
        packed = masks.get(name.replace(".weight", ".mask24"))
        if packed is not None:
            parameter.data *= unpack(packed, parameter.shape)
    print(f"masked logits: relative deviation from ours {deviation('masked'):.2e}")

    model = model.half().cuda()
    with torch.no_grad():
        before = model(tokens.cuda()).logits.float()
        converted, refused = 0, []
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.Linear) and f"{name}.mask24" in masks:
                try:
                    module.weight = torch.nn.Parameter(to_sparse_semi_structured(module.weight.data), requires_grad=False)
                    converted += 1
                except (RuntimeError, ValueError) as error:
                    refused.append(f"{name}: {error}")
        after = model(tokens.cuda()).logits.float()
    print(f"{converted} layers converted, {len(refused)} refused; f16 logits move by {((after - before).norm() / before.norm()).item():.2e}")
    for line in refused[:5]:
        print(" ", line)

    print("| out x in | rows | eager dense ms | eager sparse ms | dense / sparse | graph dense ms | graph sparse ms | dense / sparse |\n|---|---|---|---|---|---|---|---|")
    for out_size, in_size in SHAPES:
        weight = torch.randn(out_size, in_size, dtype=torch.float16, device="cuda")
        keep = torch.zeros(out_size, in_size // 4, 4, dtype=torch.bool, device="cuda")
        keep[..., :2] = True
        weight = weight * keep.view(out_size, in_size)
        sparse = to_sparse_semi_structured(weight)
        for rows in BATCHES:
            x = torch.randn(rows, in_size, dtype=torch.float16, device="cuda")
            dense_ms = median_ms(lambda: torch.nn.functional.linear(x, weight))
            sparse_ms = median_ms(lambda: torch.nn.functional.linear(x, sparse))
            line = f"| {out_size} x {in_size} | {rows} | {dense_ms:.3f} | {sparse_ms:.3f} | {dense_ms / sparse_ms:.2f} |"
            try:
                dense_ms = median_ms(captured(lambda: torch.nn.functional.linear(x, weight)))
                sparse_ms = median_ms(captured(lambda: torch.nn.functional.linear(x, sparse)))
                line += f" {dense_ms:.3f} | {sparse_ms:.3f} | {dense_ms / sparse_ms:.2f} |"
            except RuntimeError as error:
                line += f" not captured: {str(error).splitlines()[0]} |"
            print(line, flush=True)


if __name__ == "__main__":
    main()
