"""The operations by name, as X-Amz-Target gives it. ReceiveMessage is not here: it can wait (long_polling)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.sqs import move_tasks, queues, sending, visibility
from local.sqs.paging import page

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.sqs.limits import SenderId
    from local.sqs.parameters import JsonObject, Parameters
    from local.sqs.store import Store

    Operation = Callable[[Store, Parameters, SenderId], JsonObject]


def list_dead_letter_source_queues(store: Store, parameters: Parameters, _sender: SenderId) -> JsonObject:
    target = store.by_url(parameters.required_text("QueueUrl"))
    return page([store.url(queue.name) for queue in move_tasks.sources_of(store, target)], parameters, "queueUrls")


OPERATIONS: dict[str, Operation] = {
    "CancelMessageMoveTask": move_tasks.cancel_message_move_task,
    "ChangeMessageVisibility": visibility.change_message_visibility,
    "ChangeMessageVisibilityBatch": visibility.change_message_visibility_batch,
    "CreateQueue": queues.create_queue,
    "DeleteMessage": visibility.delete_message,
    "DeleteMessageBatch": visibility.delete_message_batch,
    "DeleteQueue": queues.delete_queue,
    "GetQueueAttributes": queues.get_queue_attributes,
    "GetQueueUrl": queues.get_queue_url,
    "ListDeadLetterSourceQueues": list_dead_letter_source_queues,
    "ListMessageMoveTasks": move_tasks.list_message_move_tasks,
    "ListQueueTags": queues.list_queue_tags,
    "ListQueues": queues.list_queues,
    "PurgeQueue": queues.purge_queue,
    "SendMessage": sending.send_message,
    "SendMessageBatch": sending.send_message_batch,
    "SetQueueAttributes": queues.set_queue_attributes,
    "StartMessageMoveTask": move_tasks.start_message_move_task,
    "TagQueue": queues.tag_queue,
    "UntagQueue": queues.untag_queue,
}
