"""The steps and predictions of `make bench` as the Hugging Face library computes them, on PyTorch: its modules, texts
padded to the longest, dense gradients, its RMSprop. A line of stdin asks for a step of 20 texts, or for the log-odds of a
batch; when that is done, a line answers. (The protocol of `slalom explain --classifier-command`.)

    peer.py train ARCHITECTURE LAYERS WIDTH HEADS
    peer.py predict ARCHITECTURE LAYERS WIDTH HEADS TEXTS LENGTH
    peer.py export ARCHITECTURE LAYERS WIDTH HEADS FILE    as ONNX
"""
import math
import os
import sys

if "avx512f" in open("/proc/cpuinfo").read():
    os.environ.setdefault("ATEN_CPU_CAPABILITY", "avx512")  # PyTorch 1.13 does not choose it by itself
import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, width, heads, norm_first):
        super().__init__()
        self.heads, self.scale, self.norm_first = heads, (width // heads) ** -0.5, norm_first
        if norm_first:
            self.qkv = nn.Linear(width, 3 * width)
        else:
            self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))
        self.out, self.up, self.down = nn.Linear(width, width), nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(0.1)

    def attention(self, x, mask):
        maps = self.qkv(x).chunk(3, -1) if self.norm_first else (self.q(x), self.k(x), self.v(x))
        q, k, v = (m.view(*m.shape[:2], self.heads, -1).transpose(1, 2) for m in maps)
        scores = q @ k.transpose(-1, -2) * self.scale + mask
        mixed = self.dropout(scores.softmax(-1)) @ v
        return self.dropout(self.out(mixed.transpose(1, 2).reshape(x.shape)))

    def feed_forward(self, x):
        if not self.norm_first:
            return self.dropout(self.down(F.gelu(self.up(x))))
        h = self.up(x)  # GPT-2's GELU, written out as there
        return self.dropout(self.down(0.5 * h * (1 + torch.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * h**3)))))

    def forward(self, x, mask):
        if self.norm_first:
            x = x + self.attention(self.norm_1(x), mask)
            return x + self.feed_forward(self.norm_2(x))
        x = self.norm_1(x + self.attention(x, mask))
        return self.norm_2(x + self.feed_forward(x))


class Classifier(nn.Module):
    def __init__(self, architecture, layers, width, heads):
        super().__init__()
        self.architecture = architecture
        self.gpt2 = architecture == "gpt2"
        self.words = nn.Embedding(50257 if self.gpt2 else 30522, width)
        self.places = nn.Embedding(1024 if self.gpt2 else 512, width)
        self.types = nn.Embedding(2, width) if architecture == "bert" else None
        self.norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(Block(width, heads, self.gpt2) for _ in range(layers))
        self.dropout = nn.Dropout(0.1)
        self.before = None if self.gpt2 else nn.Linear(width, width)
        self.last_dropout = nn.Dropout(0.2 if architecture == "distilbert" else 0.1)
        self.head = nn.Linear(width, 2, bias=not self.gpt2)

    def forward(self, ids, present):
        x = self.words(ids) + self.places(torch.arange(ids.shape[1]))
        mask = (1 - present[:, None, None, :]) * torch.finfo(torch.float32).min
        if self.gpt2:
            mask = mask.minimum(torch.full((ids.shape[1],) * 2, torch.finfo(torch.float32).min).triu(1))
        if self.types is not None:
            x = x + self.types(torch.zeros_like(ids))
        x = self.dropout(x if self.gpt2 else self.norm(x))
        for block in self.blocks:
            x = block(x, mask)
        if self.gpt2:
            scores = self.head(self.norm(x))
            return scores[torch.arange(len(ids)), present.sum(1).long() - 1]
        x = self.before(x[:, 0])
        return self.head(self.last_dropout(x.tanh() if self.types is not None else x.relu()))


def batch(lengths, vocabulary):
    longest = int(max(lengths))
    present = (torch.arange(longest) < lengths[:, None]).float()
    return torch.randint(vocabulary, present.shape), present


def main(action, architecture, *numbers):
    layers, width, heads, *rest = numbers
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "0")) or len(os.sched_getaffinity(0)))
    torch.manual_seed(0)
    model = Classifier(architecture, *map(int, (layers, width, heads)))
    vocabulary = model.words.num_embeddings
    if action == "export":
        names = ["input_ids", "attention_mask"]
        torch.onnx.export(model.eval(), batch(torch.tensor([5, 4]), vocabulary), rest[0] + ".partial", opset_version=14,
                          input_names=names, output_names=["logits"],
                          dynamic_axes={name: {0: "texts", 1: "tokens"} for name in names})
        os.rename(rest[0] + ".partial", rest[0])
        return
    if action == "train":
        optimizer = torch.optim.RMSprop(model.parameters(), lr=5e-5)
        drawn = torch.distributions.Binomial(30, torch.tensor(0.5))
    else:
        model.eval()
        texts, length = map(int, rest)
        ids, present = batch(torch.full((texts,), length), vocabulary)
    for _ in sys.stdin:
        if action == "train":
            ids, present = batch(drawn.sample((20,)).clamp(min=1) + (0 if model.gpt2 else 2), vocabulary)
            loss = F.cross_entropy(model(ids, present), torch.randint(2, (20,)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            answer = loss.item()
        else:
            with torch.no_grad():
                logits = model(ids, present)
            answer = (logits[0, 1] - logits[0, 0]).item()
        print('{"log_odds": %r}' % answer, flush=True)


main(*sys.argv[1:])
