"""A hub of Hugging Face on this machine: as much of its HTTP as `athanor push` meets, spoken by the real client."""

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LARGE = (".safetensors", ".onnx")
SECONDS_BETWEEN_LOOKS = 0.01  # half a second by itself, which each test would wait for at its end


@dataclass
class FakeHub:
    """What has arrived: files by name for each branch of a model, and who may see it.

    `refusals` are status and sentence by the last words of a path. A commit waits while `is_stuck`, and a path that
    ends in `drops` gets no answer.
    """

    models: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    blobs: dict[str, bytes] = field(default_factory=dict)
    has_come: threading.Event = field(default_factory=threading.Event)
    is_stuck: bool = False
    drops: str = ""
    address: str = ""
    end: threading.Event = field(default_factory=threading.Event)

    def files(self, name: str, branch: str = "main") -> dict[str, bytes]:
        return self.models[name][branch]


@contextmanager
def fake_hub() -> Iterator[FakeHub]:
    """Serve one on localhost for as long as the block lasts."""
    hub = FakeHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=lambda: server.serve_forever(SECONDS_BETWEEN_LOOKS), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.end.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub

    def log_message(self, format: str, *words: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        self.hub.requests.append(f"{self.command} {path}")
        if token := self.headers.get("Authorization"):
            self.hub.tokens.add(token)
        if self.hub.drops and path.endswith(self.hub.drops):
            self.close_connection = True  # and no word
            return
        for part, (status, sentence) in self.hub.refusals.items():
            if path.endswith(part):
                self._send(status, {"error": sentence})
                return
        status, answer = self._found(path, body)
        self._send(status, answer)

    def _send(self, status: int, answer: Any) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if status >= 400:
            self.send_header("X-Error-Message", answer["error"])
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _found(self, path: str, body: bytes) -> tuple[int, Any]:
        hub = self.hub
        if path.startswith("/blobs/"):
            hub.blobs[path.removeprefix("/blobs/")] = body
            return 200, {}
        if path == "/api/repos/create":
            return self._created(json.loads(body))
        if found := re.fullmatch(r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch", path):
            return 200, self._batch(json.loads(body))
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(\w+)/(.+))?", path):
            name, what, branch = found.groups()
            if name not in hub.models:
                return 404, {"error": "Repository not found"}
            return self._of_model(name, what, branch, body)
        return 200, {"errors": [], "warnings": []}  # the front page, and what is asked about metadata

    def _created(self, asked: dict[str, Any]) -> tuple[int, Any]:
        name = f"{asked['organization']}/{asked['name']}"
        answer = {"url": f"{self.hub.address}/{name}", "error": "You already created this model repo"}
        if name in self.hub.models:
            return 409, answer
        self.hub.models[name] = {"main": {}}
        self.hub.private[name] = bool(asked.get("private") or asked.get("visibility") == "private")
        return 200, answer

    def _batch(self, asked: dict[str, Any]) -> dict[str, Any]:
        objects = [
            {**one, "actions": {"upload": {"href": f"{self.hub.address}/blobs/{one['oid']}"}}}
            for one in asked["objects"]
        ]
        return {"transfer": "basic", "objects": objects}

    def _of_model(self, name: str, what: str | None, branch: str | None, body: bytes) -> tuple[int, Any]:
        branches = self.hub.models[name]
        if what is None:
            return 200, {"id": name, "private": self.hub.private[name], "siblings": []}
        if what == "branch":
            branches.setdefault(str(branch), dict(branches["main"]))
            return 200, {}
        if branch not in branches:
            return 404, {"error": "Revision not found"}
        files = branches[branch]
        if what == "tree":
            return 200, [{"type": "file", "path": one, "size": len(files[one]), "oid": "0" * 40} for one in files]
        if what == "preupload":
            asked = [file["path"] for file in json.loads(body)["files"]]
            modes = {one: "lfs" if one.endswith(LARGE) else "regular" for one in asked}
            return 200, {
                "files": [{"path": one, "uploadMode": mode, "shouldIgnore": False} for one, mode in modes.items()]
            }
        return self._committed(name, files, body)

    def _committed(self, name: str, files: dict[str, bytes], body: bytes) -> tuple[int, Any]:
        self.hub.has_come.set()
        if self.hub.is_stuck:
            self.hub.end.wait()
            return 500, {"error": "too late"}
        for line in body.decode().splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "header":
                self.hub.messages.append(value["summary"])
            elif entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.hub.blobs[value["oid"]]
            else:
                del files[value["path"]]
        address = f"{self.hub.address}/{name}/commit/{len(self.hub.messages)}"
        return 200, {"success": True, "commitUrl": address, "commitOid": "1" * 40}
