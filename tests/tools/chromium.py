"""A headless Chromium, told what to do over its DevTools pipe; no packages are needed for it."""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

PROGRAM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
REQUIRED = os.environ.get("CROSSCAM_TEST_BROWSER") == "required"  # as where one was prepared
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions"),
    *("--disable-background-networking", "--disable-dev-shm-usage", "--remote-debugging-pipe"),
)
# The pipe's ends must be the program's descriptors 3, to read from, and 4, to write to.
REDIRECT = 'exec "${@:3}" 3<&"$1" 4>&"$2"'
SECONDS = 20


class Page:
    """One page of a browser. What goes wrong in it is raised as `AssertionError`."""

    def __init__(self, process, commands, answers):
        self._process, self._commands, self._answers = process, commands, answers
        self._waiting, self._number, self._session = b"", 0, None
        self.events = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method, **parameters):
        """Call a method of the DevTools protocol, and wait for its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self.events.append(answer)

    def _read(self):
        while b"\0" not in self._waiting:
            assert select.select([self._answers], [], [], SECONDS)[0], "the browser is silent"
            part = os.read(self._answers, 2**16)
            assert part, "the browser ended"
            self._waiting += part
        message, _, self._waiting = self._waiting.partition(b"\0")
        return json.loads(message)

    def open(self, path):
        """Open a file as a user does, by file://, and wait until all of it is there."""
        self.send("Page.navigate", url=Path(path).resolve().as_uri())
        self.wait("location.protocol === 'file:' && document.readyState === 'complete'")

    def run(self, script):
        """The value of a JavaScript expression."""
        done = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def wait(self, script):
        """Wait until an expression is true."""
        until = time.monotonic() + SECONDS
        while not self.run(script):
            assert time.monotonic() < until, f"never true: {script}"
            time.sleep(0.02)

    def press(self, *keys):
        """Press keys one after another, by their names: "j", "Enter", "ArrowDown"."""
        for key in keys:
            text = "\r" if key == "Enter" else key if len(key) == 1 else ""
            code = 13 if key == "Enter" else 27 if key == "Escape" else 0
            shared = {"key": key, "windowsVirtualKeyCode": code}
            self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **shared)
            self.send("Input.dispatchKeyEvent", type="keyUp", **shared)

    def set_size(self, width, height):
        """Make the window so large, in CSS pixels."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1}
        self.send("Emulation.setDeviceMetricsOverride", mobile=width < 500, **metrics)

    def set_dark(self):
        """Prefer dark colours."""
        features = [{"name": "prefers-color-scheme", "value": "dark"}]
        self.send("Emulation.setEmulatedMedia", features=features)

    def screenshot(self, path):
        """Write what is in view as a PNG."""
        shot = self.send("Page.captureScreenshot", format="png")
        Path(path).write_bytes(base64.b64decode(shot["data"]))

    def complaints(self):
        """What the page's scripts threw, and what the console warns of, refusals of the CSP too."""
        self.run("0")  # what came before has been read after it
        return [
            event["params"]
            for event in self.events
            if event.get("method") == "Runtime.exceptionThrown"
            or (
                event.get("method") == "Log.entryAdded"
                and event["params"]["entry"]["level"] in ("error", "warning")
            )
        ]

    def requests(self):
        """The addresses that were asked for."""
        self.run("0")
        return [
            event["params"]["request"]["url"]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        ]


@contextmanager
def chromium():
    """A `Page` of a browser of its own, which ends with the block."""
    from_us, commands = os.pipe()
    answers, to_us = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [
                *("bash", "-c", REDIRECT, "bash", str(from_us), str(to_us)),
                *(PROGRAM, *FLAGS, f"--user-data-dir={profile}"),
            ],
            pass_fds=(from_us, to_us),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(from_us)
        os.close(to_us)
        try:
            page = Page(process, commands, answers)
            yield page
            page._session = None
            page.send("Browser.close")
        finally:
            os.close(commands)
            os.close(answers)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
