"""Trains the byte-level BPE tokenizer (4,096 tokens) that both shipped models use.

Usage: python train_tokenizer.py <text folder> <output folder>
Needs: tokenizers. Writes tokenizer.json and tokenizer_config.json.
"""
import json
import pathlib
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

VOCAB_SIZE = 4096
END_OF_TEXT = "<|endoftext|>"

text_folder, output_folder = map(pathlib.Path, sys.argv[1:3])
documents = (text_folder / "train.txt").read_text(encoding="utf8").split(END_OF_TEXT)

tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
trainer = trainers.BpeTrainer(
    vocab_size=VOCAB_SIZE,
    special_tokens=[END_OF_TEXT],
    initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    show_progress=False,
)
tokenizer.train_from_iterator(documents, trainer)
output_folder.mkdir(parents=True, exist_ok=True)
tokenizer.save(str(output_folder / "tokenizer.json"))
(output_folder / "tokenizer_config.json").write_text(
    json.dumps(
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": END_OF_TEXT,
            "eos_token": END_OF_TEXT,
            "model_max_length": 512,
            "clean_up_tokenization_spaces": False,
        },
        indent=2,
    )
    + "\n"
)
num_tokens = sum(len(tokenizer.encode(document).ids) for document in documents)
num_bytes = sum(len(document.encode("utf8")) for document in documents)
print(f"{tokenizer.get_vocab_size()} tokens; training text {num_bytes} bytes = {num_tokens} tokens")
