"""A reply as its bytes come in: taken apart by llhttp, bounded here. No I/O.

Source: RFC 9112, as llhttp has it. What servers get wrong is overlooked where it does no harm: a connection carries one
exchange at a time, and one on which anything is odd is not used again.
"""

from __future__ import annotations

import http.client

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

MAX_HEAD_BYTES = 65_536  # names and values of all headers
MAX_HEADERS = 100
_SWITCHING = 101  # the one status below 200 that is not followed by another
_OK = 200
_LENIENCIES = {
    "lenient_headers": True,
    "lenient_version": True,
    "lenient_data_after_close": True,
    "lenient_chunked_length": True,
    "lenient_optional_lf_after_cr": True,
    "lenient_optional_cr_before_lf": True,
    "lenient_optional_crlf_after_chunk": True,
    "lenient_spaces_after_chunk_size": True,
}


class Incoming:
    """One reply. The methods ``on_...`` are what the parser calls.

    Attributes:
        status: its status, once its headers are there.
        headers: names in lower case; values of one name are joined with commas.
        size: bytes of the body so far.
        begun: its headers are complete.
        ended: it is complete.
        keeps: the connection may be used for another exchange.
    """

    __slots__ = (
        "_chunks",
        "_count",
        "_head",
        "_parser",
        "_unread",
        "begun",
        "ended",
        "headers",
        "keeps",
        "size",
        "status",
    )

    def __init__(self) -> None:
        self.status, self.size = 0, 0
        self.headers: dict[str, str] = {}
        self.begun = self.ended = self.keeps = False
        self._chunks: list[bytes] = []
        self._head = self._count = self._unread = 0
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(**_LENIENCIES)

    @property
    def body(self) -> bytes:
        """The body, as it was sent."""
        return b"".join(self._chunks)

    def feed(self, data: bytes) -> None:
        """Take what came.

        Args:
            data: at least one byte.

        Raises:
            http.client.IncompleteRead: the body is broken.
            http.client.HTTPException: this is not HTTP, or has more headers than a reply may have.
        """
        assert self._parser is not None
        self._unread += len(data)
        wrong = ""
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self.keeps = False
        except HttpParserError as error:
            wrong = str(error)
        if wrong:
            self._refuse(wrong)
        endless = not self.begun and self._unread > MAX_HEAD_BYTES
        if endless or self._head > MAX_HEAD_BYTES or self._count > MAX_HEADERS:
            raise http.client.HTTPException(f"more than {MAX_HEADERS} headers, or {MAX_HEAD_BYTES} bytes of them")

    def end(self, *, came: bool) -> None:
        """Take that the connection has ended, which is how a body without a length ends.

        Args:
            came: whether anything has come at all.

        Raises:
            http.client.RemoteDisconnected: there was no reply.
            http.client.IncompleteRead: the body is not complete.
            http.client.HTTPException: the headers are not.
        """
        if not came:
            raise http.client.RemoteDisconnected("no reply")
        if not self.begun:
            raise http.client.HTTPException("it ends in its headers")
        if "content-length" in self.headers or "transfer-encoding" in self.headers:
            raise http.client.IncompleteRead(b"")
        self.ended = True

    def close(self) -> None:
        """Let go of the parser, which knows this object: neither would be freed without being looked for."""
        self._parser = None

    def on_message_begin(self) -> None:
        """A reply begins; behind the one that was asked for there should be none."""
        if self.ended:
            self.keeps = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or one of those that may follow a body in chunks."""
        if self.begun:
            return
        self._count += 1
        self._head += len(name) + len(value)
        known, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self.headers[known] = f"{self.headers[known]}, {text}" if known in self.headers else text

    def on_headers_complete(self) -> None:
        """The headers are there: those of the reply, or of word that it will come."""
        assert self._parser is not None
        if self.begun:
            return
        status = self._parser.get_status_code()
        if status < _OK and status != _SWITCHING:
            self.headers.clear()
            self._head = self._count = self._unread = 0
        else:
            self.status, self.begun = status, True

    def on_body(self, data: bytes) -> None:
        """A part of the body."""
        if not self.ended:
            self._chunks.append(data)
            self.size += len(data)

    def on_message_complete(self) -> None:
        """It is complete, unless it only was word that it will come."""
        assert self._parser is not None
        if self.begun and not self.ended:
            self.ended = True
            self.keeps = self._parser.should_keep_alive()

    def _refuse(self, wrong: str) -> None:
        """Take that the parser went no further; what stands behind a reply is not looked at."""
        if self.ended:
            self.keeps = False
        elif self.begun:
            raise http.client.IncompleteRead(b"")
        else:
            raise http.client.HTTPException(wrong)
