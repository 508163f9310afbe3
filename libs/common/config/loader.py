"""Reads ``config/`` and one overlay into a checked whole, and reports every fault at once. For front doors only."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import BaseModel, ValidationError

from libs.common.config.configuration import STEMS, Config
from libs.common.config.contradictions import contradictions_in
from libs.common.config.home import REPO, Home
from libs.common.errors import ConfigError

Tree = dict[str, Any]
DEFAULT_ENVIRONMENT = "local"


def load_config(env: str | None = None, repo: Path = REPO) -> Config:
    """The configuration of ``env`` (else ``TRIAGE_ENV``, else ``local``); ConfigError lists all faults of all files."""
    env = env or os.environ.get("TRIAGE_ENV") or DEFAULT_ENVIRONMENT
    faults: list[str] = []
    base = {stem: _read_root(repo / "config" / f"{stem}.yaml", stem, repo, faults) for stem in STEMS}
    overlay = _read_overlay(repo, env, faults)
    faults += [
        f"clusters/{env}/overlay.yaml: {root}: no such block; there are {', '.join(STEMS)}"
        for root in overlay.keys() - set(STEMS)
    ]
    merged = {stem: merge(base[stem], overlay.get(stem, {})) for stem in STEMS}
    sections = {stem: _check(stem, merged[stem], overlay.get(stem, {}), env, faults) for stem in STEMS}
    if faults:
        raise ConfigError(faults)
    config = Config(environment=env, **cast(Any, sections))
    if contradictions := contradictions_in(config, repo):
        raise ConfigError(contradictions)
    return config


def merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> Tree:
    """``base`` with the keys of ``overlay`` laid over it; mappings merge, everything else is replaced."""
    merged = dict(base)
    for key, value in overlay.items():
        below = merged.get(key)
        merged[key] = (
            merge(cast(Tree, below), cast(Tree, value)) if isinstance(below, dict) and isinstance(value, dict) else value
        )
    return merged


def describe(config: Config, home: Home) -> Tree:
    """The merged truth as plain values, secrets hidden and ``{home}`` spelled out."""
    return cast(Tree, yaml.safe_load(home.expand(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False))))


def _read_overlay(repo: Path, env: str, faults: list[str]) -> Tree:
    path = repo / "clusters" / env / "overlay.yaml"
    if not path.exists():
        known = sorted(found.parent.name for found in (repo / "clusters").glob("*/overlay.yaml"))
        faults.append(f"environment '{env}': clusters/{env}/overlay.yaml does not exist; there are {', '.join(known)}")
        return {}
    overlay = _read(path, repo, faults)
    parent = overlay.pop("extends", None)
    return merge(_read_overlay(repo, str(parent), faults), overlay) if parent and parent != env else overlay


def _read_root(path: Path, stem: str, repo: Path, faults: list[str]) -> Tree:
    tree = _read(path, repo, faults)
    if tree and list(tree) != [stem]:
        faults.append(
            f"{path.relative_to(repo)}: found {', '.join(map(str, tree))} at the root; write '{stem}:' and everything below it"
        )
    return cast(Tree, tree.get(stem) or {})


def _read(path: Path, repo: Path, faults: list[str]) -> Tree:
    where = path.relative_to(repo)
    try:
        tree: object = yaml.safe_load(path.read_text())
    except OSError as error:
        faults.append(f"{where}: cannot be read ({error.strerror}); restore it from git")
    except yaml.YAMLError as error:
        faults.append(f"{where}: is no YAML: {' '.join(str(error).split())}")
    else:
        if isinstance(tree, dict):
            return cast(Tree, tree)
        faults.append(f"{where}: found {type(tree).__name__}; write 'key: value' lines")
    return {}


def _check(stem: str, tree: Tree, overlay: Tree, env: str, faults: list[str]) -> BaseModel | None:
    schema = cast(type[BaseModel], Config.model_fields[stem].annotation)
    if not tree:
        return None
    try:
        return schema.model_validate(tree)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            path = [str(part) for part in fault["loc"]]
            where = f"clusters/{env}/overlay.yaml" if _stands_in(overlay, path) else f"config/{stem}.yaml"
            faults.append(f"{where}: {'.'.join([stem, *path])}: {_say(fault['type'], fault['msg'], fault['input'])}")
    return None


def _stands_in(tree: object, path: list[str]) -> bool:
    for part in path:
        if not isinstance(tree, dict) or part not in tree:
            return False
        tree = cast(Tree, tree)[part]
    return True


def _say(kind: str, message: str, found: object) -> str:
    if kind == "extra_forbidden":
        return "is no key of this block; remove it, or look for a typing error"
    if kind == "missing":
        return "is missing"
    if kind == "secret_in_file":
        return message
    return f"found {found!r}: {message.removeprefix('Value error, ')}"
