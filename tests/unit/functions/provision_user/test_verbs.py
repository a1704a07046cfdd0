from __future__ import annotations

from events.commands import COMMANDS
from events.types import CommandType
from functions.provision_user.registry import REGISTRY_VERBS
from functions.provision_user.verbs import VERBS


def test_every_command_of_the_contract_has_its_verb() -> None:
    assert set(VERBS) | set(REGISTRY_VERBS) == set(CommandType) == {command_type for command_type, _ in COMMANDS}


def test_no_verb_does_for_two_commands() -> None:
    assert len(set(VERBS.values())) == len(VERBS)
