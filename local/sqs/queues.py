"""Operations on queues themselves: create, delete, find, attributes, tags, purge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from local.sqs.attributes import READABLE, check_attributes, check_queue_name
from local.sqs.errors import (
    INVALID_ATTRIBUTE_NAME,
    INVALID_PARAMETER_VALUE,
    PURGE_QUEUE_IN_PROGRESS,
    QUEUE_DELETED_RECENTLY,
    QUEUE_NAME_EXISTS,
    SqsError,
    missing_parameter,
    queue_does_not_exist,
)
from local.sqs.expiry import expire_messages, remove_all
from local.sqs.limits import TAGS_PER_QUEUE
from local.sqs.paging import page
from local.sqs.store import epoch_ms

if TYPE_CHECKING:
    from local.sqs.limits import SenderId
    from local.sqs.parameters import JsonObject, Parameters
    from local.sqs.queue import Queue
    from local.sqs.store import Store


def create_queue(store: Store, parameters: Parameters, _sender: SenderId) -> JsonObject:
    """Creates the queue, or finds the one that has the same name and, of those given, the same attributes."""
    name = parameters.required_text("QueueName")
    attributes = parameters.text_map("Attributes")
    check_queue_name(name, attributes)
    settable = {key: value for key, value in attributes.items() if key != "FifoQueue"}
    if "FifoQueue" in attributes and not name.endswith(".fifo"):
        raise SqsError(INVALID_ATTRIBUTE_NAME, "Unknown Attribute FifoQueue.")
    check_attributes(name, store.arn(name), settable, {}, store.find_by_arn)
    now_ms = epoch_ms()
    existing = store.find(name)
    if existing is not None:
        for key, value in settable.items():
            if not _is_same(key, existing.all_attributes.get(key, ""), value):
                message = f"A queue already exists with the same name and a different value for attribute {key}"
                raise SqsError(QUEUE_NAME_EXISTS, message)
        return {"QueueUrl": store.url(name)}
    deleted = store.execute("SELECT deleted_ms FROM deleted_queues WHERE name = ?", (name,)).fetchone()
    if deleted is not None and deleted[0] + store.limits.deleted_name_seconds * 1000 > now_ms:
        message = "You must wait 60 seconds after deleting a queue before you can create another with the same name."
        raise SqsError(QUEUE_DELETED_RECENTLY, message)
    tags = parameters.text_map("tags") or parameters.text_map("Tags")
    store.execute(
        "INSERT INTO queues (name, attributes, tags, created_ms, modified_ms) VALUES (?, ?, ?, ?, ?)",
        (name, json.dumps(settable), json.dumps(tags), now_ms, now_ms),
    )
    return {"QueueUrl": store.url(name)}


def _is_same(key: str, existing: str, given: str) -> bool:
    if key in {"Policy", "RedrivePolicy", "RedriveAllowPolicy"}:
        return bool(json.loads(existing or "{}") == json.loads(given or "{}"))
    return existing == given


def delete_queue(store: Store, parameters: Parameters, _sender: SenderId) -> JsonObject:
    queue = store.by_url(parameters.required_text("QueueUrl"))
    remove_all(store, queue)
    store.execute("DELETE FROM deduplications WHERE queue_id = ?", (queue.id,))
    store.execute("DELETE FROM receive_attempts WHERE queue_id = ?", (queue.id,))
    store.execute("DELETE FROM queues WHERE id = ?", (queue.id,))
    store.execute("INSERT OR REPLACE INTO deleted_queues VALUES (?, ?)", (queue.name, epoch_ms()))
    store.forget_queues()
    store.touch(queue.id)
    return {}


def list_queues(store: Store, parameters: Parameters, _sender: SenderId) -> JsonObject:
    prefix = parameters.text("QueueNamePrefix") or ""
    names = [name for name in store.names() if name.startswith(prefix)]
    return page([store.url(name) for name in names], parameters, "QueueUrls")


def get_queue_url(store: Store, parameters: Parameters, _sender: SenderId) -> JsonObject:
    name = parameters.required_text("QueueName")
    owner = parameters.text("QueueOwnerAWSAccountId") or store.account_id
    if owner != store.account_id or store.find(name) is None:
        raise queue_does_not_exist()
    return {"QueueUrl": store.url(name)}


def get_queue_attributes(store: Store, parameters: Parameters, _sender: SenderId) -> JsonObject:
    queue = store.by_url(parameters.required_text("QueueUrl"))
    wanted = parameters.texts("AttributeNames")
    for name in wanted:
        if name not in READABLE:
            raise SqsError(INVALID_ATTRIBUTE_NAME, f"Unknown Attribute {name}.")
    if not wanted:
        return {}
    values = queue.all_attributes | {
        "QueueArn": queue.arn,
        "CreatedTimestamp": str(queue.created_ms // 1000),
        "LastModifiedTimestamp": str(queue.modified_ms // 1000),
        **_counts(store, queue),
    }
    is_all = "All" in wanted
    chosen = {name: value for name, value in values.items() if value and (is_all or name in wanted)}
    return {"Attributes": chosen} if chosen else {}


def _counts(store: Store, queue: Queue) -> dict[str, str]:
    now_ms = epoch_ms()
    expire_messages(store, queue, now_ms)
    visible, in_flight, delayed = store.execute(
        "SELECT count(*) FILTER (WHERE visible_ms <= ?),"
        " count(*) FILTER (WHERE visible_ms > ? AND receipt IS NOT NULL),"
        " count(*) FILTER (WHERE visible_ms > ? AND receipt IS NULL) FROM messages WHERE queue_id = ?",
        (now_ms, now_ms, now_ms, queue.id),
    ).fetchone()
    return {
        "ApproximateNumberOfMessages": str(visible),
        "ApproximateNumberOfMessagesNotVisible": str(in_flight),
        "ApproximateNumberOfMessagesDelayed": str(delayed),
    }


def set_queue_attributes(store: Store, parameters: Parameters, _sender: SenderId) -> JsonObject:
    """Sets the given ones; an empty Policy, RedrivePolicy or RedriveAllowPolicy takes it away."""
    queue = store.by_url(parameters.required_text("QueueUrl"))
    attributes = parameters.text_map("Attributes")
    if not attributes:
        raise missing_parameter("Attribute.Name")
    check_attributes(queue.name, queue.arn, attributes, queue.attributes, store.find_by_arn)
    merged = {key: value for key, value in {**queue.attributes, **attributes}.items() if value}
    store.execute(
        "UPDATE queues SET attributes = ?, modified_ms = ? WHERE id = ?", (json.dumps(merged), epoch_ms(), queue.id)
    )
    store.forget_queues()
    store.touch(queue.id)
    return {}


def purge_queue(store: Store, parameters: Parameters, _sender: SenderId) -> JsonObject:
    queue = store.by_url(parameters.required_text("QueueUrl"))
    now_ms = epoch_ms()
    (purged_ms,) = store.execute("SELECT purged_ms FROM queues WHERE id = ?", (queue.id,)).fetchone()
    if purged_ms + store.limits.purge_interval_seconds * 1000 > now_ms:
        message = f"Only one PurgeQueue operation on {queue.name} is allowed every 60 seconds."
        raise SqsError(PURGE_QUEUE_IN_PROGRESS, message)
    remove_all(store, queue)
    store.execute("UPDATE queues SET purged_ms = ? WHERE id = ?", (now_ms, queue.id))
    return {}


def tag_queue(store: Store, parameters: Parameters, _sender: SenderId) -> JsonObject:
    queue = store.by_url(parameters.required_text("QueueUrl"))
    given = parameters.text_map("Tags")
    if not given:
        raise missing_parameter("Tags")
    tags = {**queue.tags, **given}
    if len(tags) > TAGS_PER_QUEUE:
        raise SqsError(INVALID_PARAMETER_VALUE, f"Too many tags added for queue {queue.name}.")
    _store_tags(store, queue, tags)
    return {}


def untag_queue(store: Store, parameters: Parameters, _sender: SenderId) -> JsonObject:
    queue = store.by_url(parameters.required_text("QueueUrl"))
    gone = parameters.texts("TagKeys")
    _store_tags(store, queue, {key: value for key, value in queue.tags.items() if key not in gone})
    return {}


def list_queue_tags(store: Store, parameters: Parameters, _sender: SenderId) -> JsonObject:
    queue = store.by_url(parameters.required_text("QueueUrl"))
    return {"Tags": queue.tags} if queue.tags else {}


def _store_tags(store: Store, queue: Queue, tags: dict[str, str]) -> None:
    store.execute("UPDATE queues SET tags = ? WHERE id = ?", (json.dumps(tags), queue.id))
    store.forget_queues()
