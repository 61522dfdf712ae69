"""Files that clients upload, and what becomes of them: certificates, keys and revocation lists are made from them."""

from __future__ import annotations

import re

from bigip_emulator.web import Refused, Request, Response, Router, framework

PLACE = "file:/var/config/rest/downloads/"
LARGEST = 32 << 20


class Uploads:
    """The uploaded files of one device, by name."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    def routes(self, router: Router) -> None:
        router.add("/mgmt/shared/file-transfer/uploads/{name}", POST=self._upload)

    def content(self, source: str) -> str | None:
        """The text at a `sourcePath`; None if nothing was uploaded there."""
        body = self._files.get(source.removeprefix(PLACE)) if source.startswith(PLACE) else None
        return body.decode(errors="replace") if body is not None else None

    def _upload(self, request: Request, name: str) -> Response:
        """A piece of a file; where it belongs stands in Content-Range, as `first-last/length`."""
        match = re.fullmatch(r"(?:bytes )?(\d+)-(\d+)/(\d+)", request.headers.get("content-range", ""))
        if match is None:
            raise Refused(400, framework("Content-Range header is invalid or missing", 400))
        first, last, length = (int(number) for number in match.groups())
        so_far = self._files.get(name, b"")[:first]
        if last - first + 1 != len(request.body) or len(so_far) != first or last >= length or length > LARGEST:
            raise Refused(400, framework("Content-Range does not fit the content or what was uploaded before", 400))
        self._files[name] = so_far + request.body
        told = {"remainingByteCount": length - last - 1, "usedChunks": {str(first): last - first + 1}, "totalByteCount": length}
        return Response(200, {**told, "localFilePath": f"/var/config/rest/downloads/{name}"})
