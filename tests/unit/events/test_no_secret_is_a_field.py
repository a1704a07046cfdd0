"""P11: no password, token, code, link, secret or key is ever a field of an event or a command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import get_args

import pytest
from pydantic import BaseModel

from events.commands import COMMANDS
from events.control import ControlMessage
from events.payloads.fields import Payload, Personal
from events.registry import REGISTRY

SECRET = re.compile(
    r"(^|_)(password|passwd|passphrase|pin|secret|secrets|token|tokens|code|codes|link|links|cookie|cookies|"
    r"assertion|credential|credentials|verifier|challenge|nonce|state|private_key|key|keys|otp|authorization|jwt)$"
)
NAMES_IT_ONLY = re.compile(r"_(id|hash|type|count|reused|issued)$")


def looks_secret(name: str) -> bool:
    return SECRET.search(name) is not None and NAMES_IT_ONLY.search(name) is None


def models_within(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_within(argument)


def walk(model: type[BaseModel], path: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"{path}{name}"
        for inner in models_within(field.annotation):
            yield from walk(inner, f"{path}{name}.")


MODELS: list[type[BaseModel]] = [
    *dict.fromkeys(definition.payload for definition in REGISTRY.values()),
    *dict.fromkeys(definition.personal for definition in REGISTRY.values() if definition.personal),
    *COMMANDS.values(),
    ControlMessage,
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_no_field_is_named_like_a_secret(model: type[BaseModel]) -> None:
    assert [path for path in walk(model) if looks_secret(path.rpartition(".")[2])] == []


@pytest.mark.parametrize(
    "name", ["password", "new_password", "client_secret", "refresh_token", "code", "link", "api_key"]
)
def test_a_field_named_like_a_secret_would_be_found(name: str) -> None:
    assert looks_secret(name)


@pytest.mark.parametrize("name", ["code_id", "client_secret_id", "token_type", "subject_key_id", "address_hash"])
def test_a_field_that_only_names_a_secret_is_fine(name: str) -> None:
    assert not looks_secret(name)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_model_is_frozen_and_takes_nothing_unknown(model: type[BaseModel]) -> None:
    assert model.model_config.get("frozen") is True
    assert model.model_config.get("extra") == "forbid"
    assert model.model_config.get("hide_input_in_errors") is True


PERSONAL = re.compile(r"^(email|address|user_agent|name|given_name|family_name|phone|external_id|profile|ip)$")


@pytest.mark.parametrize("definition", REGISTRY.values(), ids=lambda definition: definition.payload.__name__)
def test_nothing_personal_stands_in_a_payload(definition) -> None:
    assert issubclass(definition.payload, Payload)
    assert definition.personal is None or issubclass(definition.personal, Personal)
    assert [name for name in definition.payload.model_fields if PERSONAL.match(name)] == []


@pytest.mark.parametrize("definition", REGISTRY.values(), ids=lambda definition: definition.payload.__name__)
def test_every_event_says_whether_it_succeeded(definition) -> None:
    assert "outcome" in definition.payload.model_fields
