"""A headless Chromium, spoken to through a pipe in its DevTools protocol."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import F_DUPFD_CLOEXEC, fcntl
from pathlib import Path
from typing import Any, Literal

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run")
# What the page says itself, what the browser says of it, and what it asks for.
TOLD = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
ASKED = "Network.requestWillBeSent"


class Browser:
    """One tab of a browser. `told` are errors and messages, `asked` the addresses of requests."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._number, self._unread, self._session = 0, b"", ""
        self.told: list[dict[str, Any]] = []
        self.asked: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Have the browser do something, and wait for the answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            pass
        assert "error" not in answer, (method, answer)
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, page: Path, width: int, mode: Literal["light", "dark"] = "light") -> None:
        """Open a file in a window of a width, with a phone's finger where it is narrow."""
        narrow = width < 600
        self.call(
            "Emulation.setDeviceMetricsOverride",
            **{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": narrow},
        )
        self.call("Emulation.setTouchEmulationEnabled", enabled=narrow)
        features = [{"name": "prefers-color-scheme", "value": mode}]
        self.call("Emulation.setEmulatedMedia", features=features)
        self.call("Page.navigate", url=page.resolve().as_uri())
        while self.run("document.readyState") != "complete":
            pass

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        options = {"returnByValue": True, "awaitPromise": True}
        found = self.call("Runtime.evaluate", expression=script, **options)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key: str, code: str, number: int) -> None:
        """Press a key: its name, its place and its number."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            what = {"type": kind, "key": key, "code": code, "windowsVirtualKeyCode": number}
            self.call("Input.dispatchKeyEvent", **what, **text)

    def tap(self, selector: str) -> None:
        """Touch the middle of an element."""
        place = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " e.scrollIntoView({block: 'center', inline: 'center'});"
            " const r = e.getBoundingClientRect();"
            " return {x: r.x + r.width / 2, y: r.y + r.height / 2}; })()"
        )
        for kind, points in (("touchStart", [place]), ("touchEnd", [])):
            self.call("Input.dispatchTouchEvent", type=kind, touchPoints=points)

    def pdf(self) -> bytes:
        """The page as it is printed."""
        return base64.b64decode(self.call("Page.printToPDF", printBackground=False)["data"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            part = os.read(self._answers, 1 << 20)
            assert part, "the browser has ended"
            self._unread += part
        line, _, self._unread = self._unread.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        if message.get("method") in TOLD:
            self.told.append(message)
        elif message.get("method") == ASKED:
            self.asked.append(message["params"]["request"]["url"])
        return message


@contextmanager
def open_browser(folder: Path) -> Iterator[Browser]:
    """Start a browser with a profile of its own in a folder; ends with it."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    assert program, "no Chromium: apt-get install --no-install-recommends chromium"
    to_browser, from_test = os.pipe()
    from_browser, to_test = os.pipe()
    # Chromium reads commands from its file 3 and writes answers to its file 4.
    ends = [fcntl(number, F_DUPFD_CLOEXEC, 10) for number in (to_browser, to_test)]
    process = subprocess.Popen(
        [program, *OPTIONS, f"--user-data-dir={folder}", "--remote-debugging-pipe"],
        close_fds=False,
        preexec_fn=lambda: [os.dup2(end, number) for number, end in enumerate(ends, start=3)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for number in (to_browser, to_test, *ends):
        os.close(number)
    try:
        yield Browser(from_test, from_browser)
    finally:
        os.close(from_test)
        process.terminate()
        process.wait()
        os.close(from_browser)
