"""Endpoints: the two protocols they speak, and the client that speaks them. The only importer of requests."""

from maze_tasks.endpoints.client import EndpointClient, build_request
from maze_tasks.endpoints.listing import Health
from maze_tasks.endpoints.retry_after import retry_after
from maze_tasks.endpoints.wire import HttpReply, HttpRequest

__all__ = ["EndpointClient", "Health", "HttpReply", "HttpRequest", "build_request", "retry_after"]
