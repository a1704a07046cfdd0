"""Woken by an HTTP API of API Gateway."""

from __future__ import annotations

from mangum import Mangum

from functions.admin_api.app import create_admin_app

handler = Mangum(create_admin_app(), lifespan="off")
