"""A headless Chromium for the tests: a page at a width, what it logs, its picture, and its sheets of paper.

It is spoken to through two pipes, so that no port is open and no library is needed.
"""

import base64
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MISSING = "needs Chromium: apt-get install chromium"
PAGE = re.compile(rb"/Type\s*/Page\b")


class Browser:
    """One tab. A context manager: the browser ends with it."""

    def __init__(self, folder):
        self._folder = Path(folder)
        self._number, self._buffer, self.said = 0, b"", []

    def __enter__(self):
        told, self._out = os.pipe()
        self._in, answers = os.pipe()
        command = (
            f"exec 3<&{told} 4>&{answers}; exec {PROGRAM} --headless --no-sandbox --disable-gpu --remote-debugging-pipe"
            f" --user-data-dir={self._folder / 'profile'} --no-first-run about:blank"
        )
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", command], pass_fds=(told, answers), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(told)
        os.close(answers)
        self._session = None
        tab = next(t for t in self._ask("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self._session = self._ask("Target.attachToTarget", targetId=tab["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Log", "Runtime", "Network"):
            self._ask(f"{domain}.enable")
        return self

    def __exit__(self, *_):
        os.close(self._out)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._in)

    def open(self, path, width):
        """Show a file in a window of that many pixels."""
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": True}
        self._ask("Emulation.setDeviceMetricsOverride", **size)
        self.said.clear()
        self._ask("Page.navigate", url=Path(path).resolve().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.said):
            self._read()

    def logged(self):
        """What stands in the console, and what was asked of anything but a file."""
        lines = [event for event in self.said if event["method"] in ("Log.entryAdded", "Runtime.consoleAPICalled")]
        asked = [event for event in self.said if event["method"] == "Network.requestWillBeSent"]
        return [*lines, *(e for e in asked if not e["params"]["request"]["url"].startswith("file:"))]

    def value(self, expression):
        """What an expression gives in the page."""
        return self._ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def open_details(self):
        """Unfold everything."""
        self.value("document.querySelectorAll('details').forEach(one => { one.open = true })")

    def medium(self, name):
        """Show the page as on a `screen` or in `print`."""
        self._ask("Emulation.setEmulatedMedia", media=name)

    def sheets(self, into=None):
        """How many sheets of A4 the page prints on."""
        paper = {"printBackground": True, "preferCSSPageSize": True, "paperWidth": 8.27, "paperHeight": 11.69}
        data = base64.b64decode(self._ask("Page.printToPDF", **paper)["data"])
        if into:
            Path(into).write_bytes(data)
        return len(PAGE.findall(data))

    def picture(self, into):
        """A picture of the whole page."""
        shot = self._ask("Page.captureScreenshot", captureBeyondViewport=True, format="png")
        Path(into).write_bytes(base64.b64decode(shot["data"]))

    def _ask(self, method, **parameters):
        self._number += 1
        words = {"id": self._number, "method": method, "params": parameters}
        words |= {"sessionId": self._session} if self._session else {}
        os.write(self._out, json.dumps(words).encode() + b"\0")
        while (answer := self._read()).get("id") != self._number:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def _read(self):
        while b"\0" not in self._buffer:
            piece = os.read(self._in, 1 << 16)
            assert piece, "the browser is gone"
            self._buffer += piece
        line, self._buffer = self._buffer.split(b"\0", 1)
        message = json.loads(line)
        if "method" in message:
            self.said.append(message)
        return message
