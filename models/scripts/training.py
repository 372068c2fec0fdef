"""What both training scripts share: batches, schedule, held-out bits per byte, and saving in the Hugging Face layout."""
import json
import math
import pathlib
import time

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

END_OF_TEXT = "<|endoftext|>"
MAX_SHARD_BYTES = 16 * 2**20
SEED = 20411


def load_split(text_folder: pathlib.Path, tokenizer_file: pathlib.Path):
    """Returns (train tokens, held-out tokens, held-out bytes); documents are separated by the end-of-text token."""
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    end = tokenizer.token_to_id(END_OF_TEXT)
    streams, num_bytes = [], 0
    for name in ("train.txt", "heldout.txt"):
        documents = (text_folder / name).read_text(encoding="utf8").split(END_OF_TEXT)
        ids = []
        for encoding in tokenizer.encode_batch(documents):
            ids += [end, *encoding.ids]
        ids.append(end)
        streams.append(torch.tensor(ids, dtype=torch.int64))
        num_bytes = sum(len(document.encode("utf8")) for document in documents)
    return streams[0], streams[1], num_bytes


def held_out_bits_per_byte(model, tokens, num_bytes: int, context: int, batch: int = 16) -> float:
    """Cross-entropy of every held-out token in non-overlapping windows, in bits per byte of text."""
    model.eval()
    device = next(model.parameters()).device
    num_windows = (len(tokens) - 1) // context
    total = 0.0
    with torch.no_grad(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
        for start in range(0, num_windows, batch):
            rows = [tokens[w * context : (w + 1) * context + 1] for w in range(start, min(num_windows, start + batch))]
            ids = torch.stack(rows).to(device)
            total += float(model.loss(ids[:, :-1], ids[:, 1:], reduction="sum"))
        tail = tokens[num_windows * context :].to(device)[None]
        if tail.shape[1] > 1:
            total += float(model.loss(tail[:, :-1], tail[:, 1:], reduction="sum"))
    model.train()
    return total / math.log(2) / num_bytes


def train(model, streams, num_bytes: int, *, context: int, batch: int, steps: int, peak_lr: float, log_file: pathlib.Path):
    """AdamW (0.9, 0.95; decay 0.1 on matrices), warm-up of 5 %, cosine to 10 %. Keeps the weights of the best held-out value."""
    torch.manual_seed(SEED)
    device = next(model.parameters()).device
    train_tokens, held_out = streams
    train_tokens = train_tokens.to(device)
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=peak_lr, betas=(0.9, 0.95), fused=device.type == "cuda")
    warm_up = max(1, steps // 20)
    best, best_state, started = math.inf, None, time.time()
    offsets = torch.arange(context + 1, device=device)
    log = log_file.open("w")
    for step in range(1, steps + 1):
        progress = max(0.0, (step - warm_up) / max(1, steps - warm_up))
        lr = peak_lr * (step / warm_up if step <= warm_up else 0.1 + 0.45 * (1 + math.cos(math.pi * progress)))
        for group in optimizer.param_groups:
            group["lr"] = lr
        starts = torch.randint(0, len(train_tokens) - context - 1, (batch, 1), device=device)
        ids = train_tokens[starts + offsets]
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            loss = model.loss(ids[:, :-1], ids[:, 1:])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 20 == 0 or step == 1:
            row = {"step": step, "trainLossNats": round(float(loss), 4), "lr": round(lr, 6), "elapsedSec": round(time.time() - started, 1)}
            if step % 100 == 0 or step == steps:
                row["heldOutBitsPerByte"] = round(held_out_bits_per_byte(model, held_out, num_bytes, context), 4)
                if row["heldOutBitsPerByte"] < best:
                    best = row["heldOutBitsPerByte"]
                    best_state = {k: v.detach().clone() for k, v in model.state_dict().items()}
            log.write(json.dumps(row) + "\n")
            log.flush()
            if step % 100 == 0 or step == 1:
                print(row, flush=True)
    log.close()
    model.load_state_dict(best_state)
    return best


def save_shards(tensors: dict, folder: pathlib.Path) -> None:
    """Writes f16 safetensors of at most 16 MiB a shard, with an index when there are several."""
    shards, size = [{}], 0
    for name, tensor in tensors.items():
        half = tensor.detach().to("cpu", torch.float16).contiguous()
        if size + half.nbytes > MAX_SHARD_BYTES - 65536 and shards[-1]:
            shards.append({})
            size = 0
        shards[-1][name] = half
        size += half.nbytes
    names = ["model.safetensors"] if len(shards) == 1 else [f"model-{i + 1:05d}-of-{len(shards):05d}.safetensors" for i in range(len(shards))]
    for name, shard in zip(names, shards):
        save_file(shard, str(folder / name), metadata={"format": "pt"})
    if len(shards) > 1:
        total = sum(t.nbytes for shard in shards for t in shard.values())
        weight_map = {key: name for name, shard in zip(names, shards) for key in shard}
        (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": weight_map}, indent=2) + "\n")
