"""Names of metrics are a contract with dashboards and alarms."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from audit_relay.metrics import Metrics


def read(metrics: Metrics) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_every_step_is_counted_under_its_name() -> None:
    metrics = Metrics()
    metrics.sealed("stream/0", 7)
    metrics.sent("stream/0", 1)
    metrics.mails_handed_over(3)
    metrics.checkpoint_signed()
    metrics.step_failed("mails")
    metrics.set_aside("outbox/0")
    metrics.chain_broken("stream/0", 2)
    metrics.stream_lost("stream/0")
    metrics.held("stream/0", is_held=True)
    metrics.waiting("outbox", "outbox/0", 5, 1.5)
    assert read(metrics) == {
        ("relay_segments_sealed_total", "stream/0"): 1,
        ("relay_events_sealed_total", "stream/0"): 7,
        ("relay_segments_sent_total", "stream/0"): 1,
        ("relay_mails_handed_over_total",): 3,
        ("relay_checkpoints_signed_total",): 1,
        ("relay_step_failures_total", "mails"): 1,
        ("relay_events_set_aside_total", "outbox/0"): 1,
        ("relay_chain_breaks_total", "stream/0"): 2,
        ("relay_streams_lost_total", "stream/0"): 1,
        ("relay_shard_held", "stream/0"): 1,
        ("relay_depth", "outbox/0", "outbox"): 5,
        ("relay_lag_seconds", "outbox/0", "outbox"): 1.5,
    }


def test_a_lost_lease_shows() -> None:
    metrics = Metrics()
    metrics.held("stream/0", is_held=True)
    metrics.held("stream/0", is_held=False)
    assert read(metrics)["relay_shard_held", "stream/0"] == 0


def test_two_relays_in_one_process_do_not_share_figures() -> None:
    one, two = Metrics(), Metrics()
    one.checkpoint_signed()
    assert read(two)[("relay_checkpoints_signed_total",)] == 0
