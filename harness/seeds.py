"""The seeds file: valid messages as a device's own peers sent them, and the orders they came in."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationError

from harness.bench_tables import Table
from harness.errors import UsageError

MAX_SEEDS, MAX_BYTES = 2000, 1 << 16
_HEAD = """# Seeds for medfuzz: what was said to the device, from {source}. See docs/captures.md.
# `message` names what the protocol takes a seed for; without one it is bent as a string of bytes.
# What is live (sequence numbers, tokens, checksums) is computed anew whenever a seed is sent.
"""


def _from_hex(text: object) -> object:
    return bytes.fromhex(text) if isinstance(text, str) else text


class Seed(Table):
    """One message, numbered from 1 by its place; `uuid` is the characteristic that its handle means."""

    data: Annotated[bytes, BeforeValidator(_from_hex), Field(min_length=1, max_length=MAX_BYTES)]
    message: str = ""
    uuid: str = ""


class Walk(Table):
    """A recorded order: numbers of seeds."""

    seeds: list[int]


class SeedsFile(Table):
    """A whole file."""

    seed: list[Seed] = Field(default=[], max_length=MAX_SEEDS)
    walk: list[Walk] = Field(default=[])


def load_seeds(path: Path) -> SeedsFile:
    """Read and check a seeds file; raises UsageError naming file, place and what is wrong."""
    try:
        found = SeedsFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageError(f"seeds {path}: {error.strerror}. `medfuzz import CAPTURE` writes one") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"seeds {path} is not valid TOML: {error}") from error
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        place = ".".join(str(part + 1 if isinstance(part, int) else part) for part in detail["loc"])
        raise UsageError(f"seeds {path}: {place}: {detail['msg']}") from error
    for place, walk in enumerate(found.walk, 1):
        if wrong := [number for number in walk.seeds if not 1 <= number <= len(found.seed)]:
            raise UsageError(f"seeds {path}: walk {place} names seed {wrong[0]}; there are {len(found.seed)}")
    return found


def seeds_text(source: str, seeds: Sequence[Seed], walks: Sequence[Sequence[int]]) -> str:
    """What `load_seeds` reads."""
    parts = [_HEAD.format(source=source), *(_seed_text(number, seed) for number, seed in enumerate(seeds, 1))]
    return "\n".join([*parts, *(f"[[walk]]\nseeds = {list(walk)}\n" for walk in walks)])


def _seed_text(number: int, seed: Seed) -> str:
    lines = [f"[[seed]]  # {number}"]
    lines += [
        f"{key} = {json.dumps(value)}" for key, value in (("message", seed.message), ("uuid", seed.uuid)) if value
    ]
    return "\n".join([*lines, f'data = "{seed.data.hex(" ")}"', ""])
