"""HTTP/1.1 on a connection: uvicorn's protocol with a bounded head, and problems for what is no HTTP."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.problems import MEDIA_TYPE, Problem

HEAD_LIMIT = 65_536
"""Most bytes of a request line with its headers, give or take one read."""


class BoundedProtocol(HttpToolsProtocol):
    """Refuses a head that does not end; the parser itself would collect it without a bound."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._in_head, self._seen = True, 0

    def data_received(self, data: bytes) -> None:
        """Take what the client sent."""
        if self._in_head and self._seen > HEAD_LIMIT:
            self.send_400_response(f"request line and headers exceed {HEAD_LIMIT} bytes")
            return
        self._seen += len(data)
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Note that the head has ended."""
        self._in_head, self._seen = False, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that the next head may begin."""
        super().on_message_complete()
        self._in_head, self._seen = True, 0

    def send_400_response(self, msg: str) -> None:
        """Answer with a problem and close the connection."""
        body = Problem("http", msg).response().body
        head = f"HTTP/1.1 400 Bad Request\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
        self.transport.write(head.encode() + b"connection: close\r\n\r\n" + bytes(body))
        self.transport.close()
