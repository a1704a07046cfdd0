"""A hint is best effort: what it costs a command is bounded, and what it fails with stays here."""

from __future__ import annotations

from functions.provision_user.hint import RedisHint
from shared.ids import new_id


class Channel:
    def __init__(self, *, is_down: bool = False) -> None:
        self.is_down, self.published = is_down, []

    def publish(self, channel: str, message: str) -> int:
        self.published.append((channel, message))
        if self.is_down:
            raise ConnectionError("down")
        return 1


def hinting(channel: Channel) -> RedisHint:
    hint = RedisHint("redis://127.0.0.1:1")
    hint._client = channel
    return hint


def test_each_changed_user_is_named() -> None:
    channel, users = Channel(), [new_id(), new_id()]
    hinting(channel)(users)
    assert channel.published == [("authority-changed", f"user:{user}") for user in users]


def test_nothing_changed_is_no_hint() -> None:
    channel = Channel()
    hinting(channel)([])
    assert channel.published == []


def test_a_redis_that_is_down_fails_no_command_and_is_left_alone_for_a_while() -> None:
    channel = Channel(is_down=True)
    hint = hinting(channel)
    for _ in range(3):
        hint([new_id()])
    assert len(channel.published) == 1
