"""What a target on a server means: "entity/project", "entity/project/run", or a URL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_PLAIN = re.compile(r"^[\w.-]+(/[\w. -]+){1,2}$")
#: What is called so is a file that is not there, not a run.
_FILES = (".wandb", ".csv", ".parquet", ".json", ".log", ".html", ".yaml")
#: A path loses the second slash of a URL's scheme.
_URL = re.compile(r"^(https?):/+(.+)$")
#: The cloud's pages and its API have different hosts.
_CLOUD = {
    "wandb.ai": "https://api.wandb.ai",
    "www.wandb.ai": "https://api.wandb.ai",
    "app.wandb.ai": "https://api.wandb.ai",
    "forge.coreweave.com": "https://api.forge.coreweave.com",
}


@dataclass(frozen=True, slots=True)
class Address:
    """A project, or a run in it, on a server. `base` is "" for the user's own setting."""

    entity: str
    project: str
    run: str = ""
    sweep: str = ""
    group: str = ""
    base: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.entity, self.project, self.run) if part)


def parse(target: str) -> Address | None:
    """The address that a target names, None where it names none."""
    found = _URL.match(target)
    if found is not None:
        return _from_url(f"{found[1]}://{found[2]}")
    if not _PLAIN.match(target) or target.startswith(".") or target.endswith(_FILES):
        return None
    entity, project, *run = target.split("/")
    return Address(entity, project, run[0] if run else "")


def _from_url(url: str) -> Address | None:
    try:
        parts = urlsplit(url)
    except ValueError:  # such as a bracket without its other half
        return None
    steps = [unquote(step) for step in parts.path.split("/") if step]
    base = _CLOUD.get(parts.netloc, f"{parts.scheme}://{parts.netloc}")
    if steps[:1] == ["wandb"] and len(steps) > 2:  # some servers serve their pages below /wandb
        steps = steps[1:]
    if len(steps) < 2:
        return None
    entity, project, *rest = steps
    kind, name = rest[0] if rest else "", rest[1] if len(rest) > 1 else ""
    if kind in ("runs", "sweeps", "groups") and name:
        return Address(entity, project, base=base, **{kind.removesuffix("s"): name})
    return Address(entity, project, base=base)
