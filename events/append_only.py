"""The contract's law: a field is never renamed, reordered, retyped or dropped; a new one goes last, with a default."""

from __future__ import annotations

from typing import Any

_WORDS = frozenset({"title", "description", "default", "examples"})  # what readers of values don't depend on


def violations(committed: dict[str, Any], proposed: dict[str, Any]) -> list[str]:
    """What `proposed` does to the schema `committed` that only a new version may. Empty: nothing."""
    found: list[str] = []
    _compare(committed, proposed, committed, proposed, "", found)
    return found


def _compare(old: Any, new: Any, old_root: Any, new_root: Any, path: str, found: list[str]) -> None:
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            _compare(before, after, old_root, new_root, f"{path}[{index}]", found)
    elif not isinstance(old, dict) or not isinstance(new, dict):
        if old != new:
            found.append(f"{path or 'the schema'} was {old!r}")
    else:
        _compare_properties(old, new, old_root, new_root, path, found)
        ignored = _WORDS | {"properties", "required", "$defs", "$schema", "$id"}
        for word in sorted((old.keys() | new.keys()) - ignored):
            _compare(old.get(word), new.get(word), old_root, new_root, f"{path}/{word}", found)


def _compare_properties(old: Any, new: Any, old_root: Any, new_root: Any, path: str, found: list[str]) -> None:
    before, after = old.get("properties", {}), new.get("properties", {})
    kept = [name for name in after if name in before]
    for name in before:
        if name not in after:
            found.append(f"{path}/{name} was dropped or renamed")
        else:
            _compare(before[name], after[name], old_root, new_root, f"{path}/{name}", found)
    if kept != [name for name in before if name in after]:
        found.append(f"{path or 'the schema'}: fields were reordered")
    if list(after)[: len(kept)] != kept:
        found.append(f"{path or 'the schema'}: a new field goes last")
    if set(new.get("required", [])) != set(old.get("required", [])):
        found.append(f"{path or 'the schema'}: what is required changed; a new field has a default")


def _resolved(schema: Any, root: Any) -> Any:
    while isinstance(schema, dict) and "$ref" in schema:
        target: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema
