"""A real HTTP server with the parts of the Hugging Face hub that a dataset download needs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.http_server import http_server

REPOSITORY = "Inst-IT/Inst-It-Bench"
COMMIT = "c0ffee" + "0" * 34


@dataclass
class Hub:
    """The running server: its address, its files, and every request that it has received."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    repository: str = REPOSITORY
    revisions: dict[str, str] = field(default_factory=lambda: {"main": COMMIT})
    broken: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)

    def environment(self, cache: Path) -> dict[str, str]:
        """Return variables that make a process use only this server as its hub."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(cache),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
            # Connections to other machines fail.
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "https_proxy": "http://127.0.0.1:9",
        }

    def downloaded(self) -> list[str]:
        """The files whose content was requested."""
        gets = (entry.partition(f"/resolve/{COMMIT}/") for entry in self.requests)
        return sorted(name for verb, _, name in gets if name and verb.startswith("GET"))

    def answer(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        """Return status, body and headers for an address."""
        api = f"/api/datasets/{self.repository}/"
        if path.startswith(f"{api}revision/"):
            name = unquote(path.removeprefix(f"{api}revision/"))
            commit = self.revisions.get(name, COMMIT if name == COMMIT else None)
            if commit is None:
                return 404, b"{}", {"X-Error-Code": "RevisionNotFound"}
            siblings = [{"rfilename": file} for file in self.files]
            return self.json({"id": self.repository, "sha": commit, "siblings": siblings})
        if path.startswith(f"{api}tree/{COMMIT}"):
            return self.json(
                [
                    {"type": "file", "path": name, "size": len(data), "oid": self.etag(data)}
                    for name, data in self.files.items()
                ]
            )
        name = path.removeprefix(f"/datasets/{self.repository}/resolve/{COMMIT}/")
        if name in self.broken:
            return 403, b"no", {}  # a status that the client does not retry
        if name in self.files:
            data = self.files[name]
            return 200, data, {"ETag": f'"{self.etag(data)}"', "X-Repo-Commit": COMMIT}
        code = "EntryNotFound" if self.repository in path else "RepoNotFound"
        return 404, b"{}", {"X-Error-Code": code}

    @staticmethod
    def etag(data: bytes) -> str:
        return hashlib.sha1(data, usedforsecurity=False).hexdigest()

    @staticmethod
    def json(value: object) -> tuple[int, bytes, dict[str, str]]:
        return 200, json.dumps(value).encode(), {"Content-Type": "application/json"}


@contextmanager
def serve_hub(files: dict[str, bytes], repository: str = REPOSITORY) -> Iterator[Hub]:
    """Run a hub on a free port until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.requests.append(f"{self.command} {path}")
            status, body, headers = hub.answer(path)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *args: object) -> None:
            pass

    with http_server(Handler) as address:
        hub = Hub(address, files, repository)
        yield hub
