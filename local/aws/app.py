"""The AWS endpoint: one ASGI application, a request goes to the service that its signature names."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from typing import TYPE_CHECKING
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from starlette.datastructures import Headers, QueryParams
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from local.aws.caller import Caller, caller_of, json_error, query_error, refusal
from local.aws.database import Database
from local.aws.moto_services import MotoServices
from local.aws.outbox import Outbox, SqsCalls
from local.aws.s3.app import S3App
from local.aws.s3.notifications import Announcer
from local.aws.s3.service import S3Service
from local.aws.s3.store import ObjectStore
from local.aws.ses.mail import SesError
from local.aws.ses.service import SesService
from local.sqs import SenderId, create_sqs_app

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Receive, Scope, Send

    from local.aws.config import AwsConfig

_SERVICES_SENDER = SenderId("AIDALOCALAWSSERVICES")
_MAX_BODY_BYTES = 64 << 20


class AwsEndpoint:
    """The application. One process for a data directory; everything under it lasts."""

    def __init__(self, config: AwsConfig, data_dir: Path) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        data_dir.chmod(0o700)  # it holds keys and secrets
        self._config = config
        self._database = Database(data_dir / "aws.sqlite3")
        # Notifications and events are sent with a key of their own, which no client can know.
        services_key = secrets.token_hex(16).upper()
        senders = {key: SenderId(owner.sender_id) for key, owner in config.access_keys.items()}
        self._sqs = create_sqs_app(
            data_dir / "sqs",
            region=config.region,
            account_id=config.account_id,
            base_url=config.base_url,
            sender_ids={**senders, services_key: _SERVICES_SENDER},
        )
        calls = SqsCalls(self._sqs, services_key, config.base_url, config.account_id)
        self._outbox = Outbox(self._database, calls)
        store = ObjectStore(data_dir / "s3", self._database, Announcer(config.region))
        self._s3 = S3App(S3Service(store, self._database, self._outbox, config.region, config.account_id))
        self._moto = MotoServices(self._database, config.account_id, config.region)
        self._ses = SesService(
            self._database,
            lambda: self._moto.backend("ses"),
            config.region,
            config.account_id,
            config.ses_events_queue,
        )

    def stop_waiting(self) -> None:
        """Let long polls answer now: the server is about to stop."""
        self._sqs.end_long_polls()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        headers, path = Headers(scope=scope), scope["path"]
        if path.startswith("/_local/"):
            response = await asyncio.to_thread(self._local, path, QueryParams(scope["query_string"]))
            await response(scope, receive, send)
            return
        caller = caller_of(headers, QueryParams(scope["query_string"]))
        if caller.service == "sqs":
            await self._sqs(scope, receive, send)  # it refuses unknown keys itself
        elif caller.access_key_id not in self._config.access_keys:
            await refusal(caller, headers, path)(scope, receive, send)
        elif caller.service == "s3":
            await self._s3(scope, receive, send)
        else:
            await self._other(Request(scope, receive), caller, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._sqs.start()
                self._outbox.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._outbox.stop()
                await self._sqs.aclose()
                self._database.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _other(self, request: Request, caller: Caller, send: Send) -> None:
        try:
            body = await self._read(request)
        except ClientDisconnect:
            return
        if body is None:
            response: Response = json_error("RequestEntityTooLargeException", "The request is too large.", 413)
        elif caller.service == "sts" and _action(body) == "GetCallerIdentity":
            response = self._caller_identity(caller)
        elif caller.service == "ses" and request.url.path.startswith("/v2/"):
            response = await self._ses_v2(request, body, caller)
        elif caller.service == "ses" and _action(body).startswith("Send"):
            response = query_error("InvalidAction", "Mail is sent through SES v2 here.", 400)
        else:
            response = await asyncio.to_thread(self._moto.call, request, body, caller)
        await response(request.scope, request.receive, send)

    async def _read(self, request: Request) -> bytes | None:
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > _MAX_BODY_BYTES:
                return None
        return bytes(body)

    async def _ses_v2(self, request: Request, body: bytes, caller: Caller) -> Response:
        if not self._ses.handles(request.method, request.url.path):
            return await asyncio.to_thread(self._moto.call, request, body, caller)
        try:
            answer = await asyncio.to_thread(self._ses.handle, request.method, request.url.path, body)
        except SesError as error:
            return json_error(error.kind, error.message, error.status)
        self._outbox.wake()
        return JSONResponse(answer, headers={"x-amzn-RequestId": str(uuid.uuid4())})

    def _caller_identity(self, caller: Caller) -> Response:
        owner = self._config.access_keys[caller.access_key_id]
        fields = {"Arn": owner.arn, "UserId": owner.sender_id, "Account": self._config.account_id}
        inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
        body = (
            '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
            f"<GetCallerIdentityResult>{inner}</GetCallerIdentityResult>"
            f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
        )
        return Response(body, media_type="text/xml")

    def _local(self, path: str, query: QueryParams) -> Response:
        """The endpoint's own pages: not AWS's."""
        if path == "/_local/health":
            return JSONResponse({"status": "ok"})
        if path == "/_local/mailbox":
            text = query.get("limit", "50")
            if not text.isdigit() or not 1 <= int(text) <= 1000:
                return JSONResponse({"error": "limit: a number from 1 to 1000 is expected"}, 400)
            return JSONResponse({"messages": self._ses.mails(int(text), query.get("to", ""), query.get("after", ""))})
        if path.startswith("/_local/mailbox/"):
            found = self._ses.mail(path.removeprefix("/_local/mailbox/"))
            return JSONResponse(found) if found else JSONResponse({"error": "no such mail"}, 404)
        return JSONResponse({"error": "no such page"}, 404)


def _action(body: bytes) -> str:
    return parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
