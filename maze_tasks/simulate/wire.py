"""Sending a `Delivery` over an aiohttp connection, the unfriendly manners included."""

from __future__ import annotations

import asyncio
import socket
import struct
from http import HTTPStatus

from maze_tasks.errors import Refused
from maze_tasks.names import SIMULATED_HEADER
from maze_tasks.simulate.faults import Delivery

try:
    from aiohttp import web
except ModuleNotFoundError as missing:
    raise Refused("the simulator needs aiohttp; install it with: pip install 'maze-tasks[simulate]'") from missing

__all__ = ["LABELS", "deliver", "response", "web"]

_NO_LINGER = struct.pack("ii", 1, 0)  # a close with it is a reset (socket(7), SO_LINGER)
LABELS = {SIMULATED_HEADER: "true", "Server": "maze-simulator"}


def response(delivery: Delivery) -> web.Response:
    """A reply that is sent as any other."""
    headers = {"Content-Type": delivery.content_type, **LABELS, **delivery.headers}
    return web.Response(body=delivery.body, status=delivery.status, headers=headers)


async def deliver(delivery: Delivery, request: web.BaseRequest) -> web.Response:
    """Send a reply in its manner.

    Args:
        delivery: what is sent and how.
        request: whose connection is used.

    Returns:
        the response for aiohttp to send; where the manner closed the connection nothing of it goes out.
    """
    transport = request.transport
    if delivery.manner == "whole" or transport is None:
        return response(delivery)
    head, body = _head(delivery), delivery.body
    match delivery.manner:
        case "hang":
            await asyncio.sleep(delivery.pause_s)
        case "reset":
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        case "cut":
            transport.write(head + body[: len(body) // 2])
        case "close_after":
            transport.write(head + body)
        case "trickle":
            transport.write(head)
            await _trickle(transport, body, delivery.pause_s)
        case "trickle_headers":
            await _trickle(transport, head + body, delivery.pause_s)
    transport.close()
    return web.Response()


async def _trickle(transport: asyncio.Transport, text: bytes, pause_s: float) -> None:
    for at in range(len(text)):
        if transport.is_closing():
            return
        transport.write(text[at : at + 1])
        await asyncio.sleep(pause_s)


def _head(delivery: Delivery) -> bytes:
    """Status line and headers as bytes, with a promise to keep the connection."""
    headers = {
        "Content-Type": delivery.content_type,
        "Content-Length": str(len(delivery.body)),
        "Connection": "keep-alive",
        **LABELS,
        **delivery.headers,
    }
    lines = [f"HTTP/1.1 {delivery.status} {HTTPStatus(delivery.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
