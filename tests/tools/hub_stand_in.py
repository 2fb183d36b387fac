"""A stand-in for the Hugging Face Hub on this machine: the calls that its client makes for us."""

import base64
import hashlib
import http.server
import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field

TOKEN = "hf_of_a_test"


@dataclass
class Repository:
    """What a repository holds: the files of each commit, newest last, and of each branch or tag."""

    private: bool = False
    gated: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)

    def commit(self, files):
        """Add files to what is there; returns the name of the commit."""
        now = {**self.files("main"), **files}
        words = json.dumps({name: hashlib.sha256(one).hexdigest() for name, one in now.items()})
        name = hashlib.sha1(f"{len(self.commits)}{words}".encode()).hexdigest()
        self.commits[name] = now
        self.refs["main"] = name
        return name

    def files(self, revision):
        return self.commits.get(self.refs.get(revision, revision), {})


@dataclass
class Hub:
    """All repositories, what was uploaded as large files, and what was asked for."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    status: int | None = None
    may_write: bool = True


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_HEAD(self):
        self._answer()

    def do_GET(self):
        self._answer()

    def do_POST(self):
        self._answer()

    def do_PUT(self):
        self._answer()

    def _answer(self):
        hub = self.hub
        hub.requests.append((self.command, self.path))
        hub.agents.add(self.headers.get("User-Agent", ""))
        body = self._body()
        if hub.status:
            return self._say(hub.status, {"error": "as the test wants it"})
        path = self.path.partition("?")[0]
        for pattern, answer in _ANSWERS:
            found = re.fullmatch(pattern, path)
            if found:
                return answer(self, body, *found.groups())
        return self._say(404, {"error": f"the stand-in does not know {self.command} {path}"})

    def _body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _file(self, _, name, revision, file):
        found = self._repository(name)
        if found is None:
            return None
        files = found.files(revision)
        if not files:
            return self._fault("RevisionNotFound")
        commit = found.refs.get(revision, revision)
        if file not in files:
            return self._fault("EntryNotFound", {"X-Repo-Commit": commit})
        content = files[file]
        tag = hashlib.sha256(content).hexdigest()
        return self._say(200, content, {"ETag": f'"{tag}"', "X-Repo-Commit": commit})

    def _info(self, _, name):
        found = self._repository(name)
        if found is None:
            return None
        siblings = [{"rfilename": file} for file in found.files("main")]
        said = {"id": name, "sha": found.refs.get("main"), "private": found.private}
        return self._say(200, {**said, "siblings": siblings})

    def _repository(self, name):
        """The repository, or None once it was said that it is not there for this token."""
        found = self.hub.repositories.get(name)
        if found is None or (found.private and not self._is_known()):
            self._fault("RepoNotFound", status=404 if self._is_known() else 401)
            return None
        if found.gated:
            self._fault("GatedRepo", status=403)
            return None
        return found

    def _create(self, body):
        if not (self._is_known() and self.hub.may_write):
            return self._say(403, {"error": "this token may not write"})
        asked = json.loads(body)
        name = f"{asked['organization']}/{asked['name']}"
        private = asked.get("visibility") == "private" or asked.get("private") is True
        self.hub.repositories[name] = Repository(private=private)
        self.hub.repositories[name].commit({".gitattributes": b""})
        return self._say(200, {"url": f"{self._base()}/{name}", "name": name})

    def _validate(self, body):
        assert json.loads(body)["content"].startswith("---\n")
        return self._say(200, {"warnings": [], "errors": []})

    def _preupload(self, body, _):
        files = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(".safetensors") else "regular",
                "shouldIgnore": False,
            }
            for file in json.loads(body)["files"]
        ]
        return self._say(200, {"files": files})

    def _batch(self, body, _):
        def action(one):
            upload = {"href": f"{self._base()}/large/{one['oid']}"}
            return {**one, "actions": {"upload": upload}}

        objects = [action(one) for one in json.loads(body)["objects"]]
        kind = {"Content-Type": "application/vnd.git-lfs+json"}
        return self._say(200, {"transfer": "basic", "objects": objects}, kind)

    def _upload(self, body, digest):
        assert hashlib.sha256(body).hexdigest() == digest
        self.hub.large[digest] = body
        return self._say(200, {})

    def _commit(self, body, name):
        files = {}
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.hub.large[value["oid"]]
        commit = self.hub.repositories[name].commit(files)
        said = {"commitUrl": f"{self._base()}/{name}/commit/{commit}", "commitOid": commit}
        return self._say(200, {"success": True, **said})

    def _is_known(self):
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _base(self):
        return f"http://{self.headers['Host']}"

    def _fault(self, code, headers=None, *, status=404):
        return self._say(status, {"error": code}, {"X-Error-Code": code, **(headers or {})})

    def _say(self, status, content, headers=None):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for key, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


_ANSWERS = (
    (r"/api/models/([^/]+/[^/]+)", _Handler._info),
    (r"/api/repos/create", _Handler._create),
    (r"/api/validate-yaml", _Handler._validate),
    (r"/api/models/([^/]+/[^/]+)/preupload/main", _Handler._preupload),
    (r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch", _Handler._batch),
    (r"/large/([0-9a-f]{64})", _Handler._upload),
    (r"/api/models/([^/]+/[^/]+)/commit/main", _Handler._commit),
    (r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", _Handler._file),
)


@contextmanager
def hub_stand_in():
    """A `Hub`, and the address that it answers at while entered."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield hub, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
