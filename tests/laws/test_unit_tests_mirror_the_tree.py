"""Every module has its unit tests in its place, or stands here with the tests that prove it, and why it can't be alone."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("events", "shared", "token_core", "audit_relay", "functions", "resource_server")


@dataclass(frozen=True)
class Elsewhere:
    """`modules`: files, or `folder/*` for all that stand directly in it. `tests`: what proves every one of them."""

    why: str
    tests: tuple[str, ...]
    modules: tuple[str, ...]


ELSEWHERE = (
    Elsewhere(
        "settings: names, defaults and descriptions are compared with what each part is given",
        ("tests/laws/test_environment_of_each_part.py", "tests/unit/shared/test_config.py"),
        (
            "token_core/config.py", "audit_relay/config.py", "functions/admin_api/config.py",
            "functions/fan_out_audit/config.py", "functions/load_clickhouse/config.py",
            "functions/maintain_database/config.py", "functions/provision_user/config.py",
            "functions/record_email_feedback/config.py", "functions/send_email/config.py",
        ),
    ),
    Elsewhere(
        "data without rules of their own: each is built, generated and compared with what was published",
        ("tests/unit/events/test_registry.py", "tests/unit/events/test_samples.py", "tests/unit/events/test_generate.py"),
        ("events/types.py", "events/payloads/*", "events/registry_commands.py"),
    ),
    Elsewhere(
        "two small subjects whose rules are one story",
        ("tests/unit/shared/test_ids_and_clock.py",),
        ("shared/ids.py", "shared/clock.py"),
    ),
    Elsewhere(
        "who may do what is one rule over three files",
        ("tests/unit/shared/identity/test_permissions_and_scopes.py",),
        ("shared/identity/permissions.py", "shared/identity/scopes.py", "shared/identity/subjects.py"),
    ),
    Elsewhere(
        "the counterpart for users of registration, proved with it on a real Postgres",
        ("tests/unit/shared/identity/test_registration.py",),
        ("shared/identity/registering_users.py",),
    ),
    Elsewhere(
        "the schema: the migrated database is compared with the models",
        ("tests/storage/test_migrations.py",),
        (
            "shared/database/base.py", "shared/database/migrate.py", "shared/database/models/*",
            "shared/database/migrations/env.py", "shared/database/migrations/versions/*",
        ),
    ),
    Elsewhere(
        "a connection is only as good as what it meets: handlers run on a real Postgres",
        ("tests/flows/test_function_handlers.py",),
        (
            "shared/database/held_connection.py", "functions/fan_out_audit/handler.py",
            "functions/load_clickhouse/handler.py", "functions/maintain_database/handler.py",
            "functions/provision_user/handler.py", "functions/record_email_feedback/handler.py",
            "functions/send_email/handler.py",
        ),
    ),
    Elsewhere(
        "SQL for ClickHouse, run by the real engine",
        ("tests/flows/test_clickhouse_views.py", "tests/flows/test_lake_loading.py"),
        ("shared/clickhouse/client.py", "shared/clickhouse/migrate.py", "functions/load_clickhouse/rebuild.py"),
    ),
    Elsewhere(
        "objects and tables of the lake, written through S3 and Glue",
        ("tests/flows/test_lake_parquet.py",),
        ("functions/fan_out_audit/register.py", "functions/fan_out_audit/write_segment.py"),
    ),
    Elsewhere(
        "routes and wiring, asked over HTTP on a real Postgres",
        (
            "tests/flows/test_admin_api.py", "tests/flows/test_admin_users.py", "tests/flows/test_admin_clients.py",
            "tests/flows/test_admin_sessions.py", "tests/flows/test_admin_bootstrap.py",
            "tests/flows/test_admin_audit.py", "tests/flows/test_admin_behind_lambda.py",
        ),
        (
            "functions/admin_api/app.py", "functions/admin_api/handler.py", "functions/admin_api/services.py",
            "functions/admin_api/routes/*", "functions/admin_api/caller.py", "functions/admin_api/changes.py",
            "functions/admin_api/preconditions.py", "functions/admin_api/idempotency.py",
            "functions/admin_api/fields.py", "functions/admin_api/permissions.py", "functions/admin_api/editing.py",
            "functions/admin_api/bootstrap.py", "functions/admin_api/redis_link.py",
            "functions/admin_api/watermark.py", "functions/admin_api/audit_search.py",
        ),
    ),
    Elsewhere(
        "commands about what is registered: what they do is what the tables and Secrets Manager hold afterwards",
        ("tests/flows/test_provisioning_registry.py",),
        ("functions/provision_user/registry.py", "functions/provision_user/secret_keeper.py"),
    ),
    Elsewhere(
        "steps that administrators take: what they do is what the tables and the outbox hold afterwards",
        (
            "tests/flows/test_admin_users.py", "tests/flows/test_admin_clients.py",
            "tests/flows/test_admin_sessions.py",
        ),
        (
            "shared/identity/changing_users.py", "shared/identity/changing_access.py",
            "shared/identity/changing_clients.py", "shared/identity/signing_out.py",
            "shared/identity/standing.py", "shared/identity/client_metadata.py",
        ),
    ),
    Elsewhere(
        "statements, locks and transactions: what they do is what Postgres does",
        (
            "tests/flows/test_provisioning.py", "tests/flows/test_provisioning_parked.py",
            "tests/flows/test_provisioning_reasons.py", "tests/faults/test_p9_provisioning_exactly_once.py",
        ),
        (
            "functions/provision_user/apply.py", "functions/provision_user/control.py",
            "functions/provision_user/existing.py", "functions/provision_user/inbox.py",
            "functions/provision_user/parked.py", "functions/provision_user/provision.py",
            "functions/provision_user/services.py", "functions/provision_user/users.py",
            "functions/provision_user/work.py", "functions/provision_user/verbs/*",
        ),
    ),
    Elsewhere(
        "a mail's row and SES's word about it, on a real Postgres",
        ("tests/flows/test_email.py",),
        ("functions/send_email/deliver.py", "functions/record_email_feedback/record.py"),
    ),
    Elsewhere(
        "seals, leases and sends: each is one transaction, or one call of SQS, KMS or Redis",
        (
            "tests/flows/test_relay_leases.py", "tests/flows/test_relay_outbox.py", "tests/flows/test_relay_service.py",
            "tests/flows/test_relay_status.py", "tests/flows/test_relay_stream.py", "tests/faults/test_p3_sealing.py",
        ),
        (
            "audit_relay/__main__.py", "audit_relay/checkpoints.py", "audit_relay/gauges.py", "audit_relay/leases.py",
            "audit_relay/mails.py", "audit_relay/outbox.py", "audit_relay/postgres.py", "audit_relay/relay.py",
            "audit_relay/status.py", "audit_relay/stream.py", "audit_relay/trimming.py",
        ),
    ),
    Elsewhere(
        "adapters: a statement or a script is proved by the engine that runs it",
        (
            "tests/flows/test_code_exchange.py", "tests/flows/test_refresh.py", "tests/flows/test_revocation.py",
            "tests/flows/test_sign_in_pages.py", "tests/faults/test_p4_redis_is_expendable.py",
        ),
        ("token_core/storage/*",),
    ),
    Elsewhere(
        "endpoints, asked over HTTP as clients ask them",
        (
            "tests/flows/test_token_endpoint.py", "tests/flows/test_introspection.py", "tests/flows/test_revocation.py",
            "tests/flows/test_userinfo.py", "tests/flows/test_discovery_and_jwks.py", "tests/flows/test_authorize.py",
            "tests/flows/test_sign_out_pages.py", "tests/flows/test_health_and_metrics.py",
        ),
        ("token_core/routes/*",),
    ),
    Elsewhere(
        "what holds the worker together: it runs whole in every flow",
        ("tests/flows/test_health_and_metrics.py", "tests/flows/test_client_credentials.py"),
        ("token_core/app.py", "token_core/services.py"),
    ),
    Elsewhere(
        "group commit: whose answer waits for which append is seen only with a Redis and a Postgres that can be killed",
        (
            "tests/faults/test_p1_no_token_without_its_record.py", "tests/faults/test_p1_p2_whatever_is_killed.py",
            "tests/faults/test_p4_redis_is_expendable.py",
        ),
        ("token_core/audit.py",),
    ),
    Elsewhere(
        "a sign-in's story: rows, hashes and pages together",
        (
            "tests/flows/test_sign_in_pages.py", "tests/flows/test_sign_out_pages.py",
            "tests/flows/test_password_reset_pages.py", "tests/flows/test_verify_email_and_device_pages.py",
            "tests/faults/test_p8_guessing.py", "tests/flows/test_account_pages.py", "tests/flows/test_account_email.py",
        ),
        (
            "token_core/sessions/account.py", "token_core/sessions/email_change.py",
            "token_core/sessions/hashing_worker.py", "token_core/sessions/mailed_links.py",
        ),
    ),
    Elsewhere(
        "hosted pages, as a browser gets them",
        (
            "tests/flows/test_authorize.py", "tests/flows/test_consent_pages.py", "tests/flows/test_sign_in_pages.py",
            "tests/flows/test_password_reset_pages.py", "tests/flows/test_verify_email_and_device_pages.py",
            "tests/browser/test_hosted_pages.py",
        ),
        ("token_core/hosted_pages.py", "token_core/web/*"),
    ),
)  # fmt: skip


def modules() -> list[Path]:
    """Those with something in them: an `__init__.py` that only imports has no rule to test."""
    found = [path.relative_to(ROOT) for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    return [path for path in found if path.name != "__init__.py" or has_code(ROOT / path)]


def has_code(path: Path) -> bool:
    def is_plain(node: ast.stmt) -> bool:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_all = isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]
        return is_docstring or is_all or isinstance(node, ast.Import | ast.ImportFrom)

    return not all(is_plain(node) for node in ast.parse(path.read_text(encoding="utf-8")).body)


def mirror(module: Path) -> Path:
    """Of a package's `__init__.py`, beside the package's folder, by its name."""
    if module.name == "__init__.py":
        return Path("tests/unit") / module.parent.parent / f"test_{module.parent.name}.py"
    return Path("tests/unit") / module.parent / f"test_{module.name}"


def holes() -> set[str]:
    return {module.as_posix() for module in modules() if not (ROOT / mirror(module)).exists()}


def covered(entry: str, among: set[str]) -> set[str]:
    folder = entry.removesuffix("/*")
    return {
        each for each in among if each == entry or (entry.endswith("/*") and Path(each).parent.as_posix() == folder)
    }


def test_each_module_has_its_unit_tests_or_is_proved_elsewhere() -> None:
    found = holes()
    missing = sorted(found - {each for group in ELSEWHERE for entry in group.modules for each in covered(entry, found)})
    assert not missing, "write them:\n" + "\n".join(f"{each} -> {mirror(Path(each))}" for each in missing)


def test_what_is_listed_here_is_needed_once() -> None:
    found, entries = holes(), [entry for group in ELSEWHERE for entry in group.modules]
    needless = [entry for entry in entries if not covered(entry, found)]
    assert not needless, f"these are gone, or have their own unit tests by now: take them out: {needless}"
    twice = {each for each in found if sum(bool(covered(entry, {each})) for entry in entries) > 1}
    assert not twice, f"these are listed twice: {sorted(twice)}"


@pytest.mark.parametrize("group", ELSEWHERE, ids=lambda group: group.why[:40])
def test_what_is_said_to_prove_it_exists(group: Elsewhere) -> None:
    missing = [test for test in group.tests if not (ROOT / test).is_file()]
    assert group.tests and not missing, f"no such tests: {missing}"


def test_no_entry_is_wider_than_one_folder() -> None:
    wide = [entry for group in ELSEWHERE for entry in group.modules if "*" in entry.removesuffix("/*")]
    assert not wide, f"name the files or one folder: {wide}"


def test_a_unit_test_stands_where_its_subject_stands() -> None:
    """A folder of unit tests is a folder of the tree: moved code takes its tests along."""
    folders = {path.parent.relative_to(ROOT / "tests/unit") for path in (ROOT / "tests/unit").rglob("test_*.py")}
    lost = sorted(str(folder) for folder in folders if not (ROOT / folder).is_dir())
    assert not lost, f"no such folders in the tree: {lost}"
