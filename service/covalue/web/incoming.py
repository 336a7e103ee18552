"""
Requests as they come, where waitress reads them otherwise than RFC 9112 and clients do.

* What might be one request to us and two to a proxy before us is none: a length beside chunks, chunks twice, chunks in HTTP/1.0 (6.1, 6.3).
* The host is that of an absolute address, where the request has one, and not that of its header (3.2.2).
* `close` ends a connection wherever it stands among the options of `Connection` (RFC 9112, 9.6).
* An address may hold UTF-8 as it is typed: curl, wget and R send Chinese so, and nearly every server takes it. It is percent-encoded here.
"""

from __future__ import annotations

import re

from waitress.parser import HTTPRequestParser, ParsingError

CODINGS = re.compile(rb"^transfer-encoding:([^\r\n]*)", re.I | re.M)
PLAIN = re.compile(rb"[\x80-\xff]")


class Incoming(HTTPRequestParser):  # type: ignore[misc]
    """A request that is being read; see the module."""

    def received(self, data: bytes) -> int:
        """Who is refused is not asked to go on (`Expect: 100-continue`)."""
        taken = int(super().received(data))
        if self.error is not None:
            self.expect_continue = False
        return taken

    def parse_header(self, header_plus: bytes) -> None:
        """
        Raises:
            ParsingError: it is not HTTP, or may be read in two ways.
        """
        line, end, fields = header_plus.partition(b"\r\n")
        super().parse_header(PLAIN.sub(lambda found: b"%%%02X" % ord(found.group()), line) + end + fields)
        codings = b",".join(CODINGS.findall(fields))
        if codings and (not self.chunked or "CONTENT_LENGTH" in self.headers or b"," in codings):
            raise ParsingError("its length can be read in two ways")
        if "close" in (option.strip().lower() for option in self.headers.get("CONNECTION", "").split(",")):
            self.headers["CONNECTION"], self.connection_close = "close", True
        if self.proxy_netloc:
            self.headers["HOST"] = self.proxy_netloc
