"""A real browser, driven as a person would: headless Chromium by its DevTools protocol.

https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

START_SECONDS = 60.0
PATIENCE = 20.0
#: Nothing of the browser's own goes out: no updates, no safe-browsing lists, no sync.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
    "--window-size=1280,900",
)
KEYS = {
    "Enter": (13, "\r"),
    "Tab": (9, ""),
    "Escape": (27, ""),
    "ArrowDown": (40, ""),
    "ArrowUp": (38, ""),
}


class NoBrowser(Exception):
    """Chromium is not there, or did not start; the text says what to do."""


def chromium() -> str:
    """Its path. Raises `NoBrowser`."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if (found := shutil.which(name)) and _runs(found):
            return found
    raise NoBrowser("no Chromium is installed; apt-get install --no-install-recommends chromium")


@cache
def _runs(program: str) -> bool:
    """Ubuntu's package of the name is a script that asks for a snap, and a snap has a /tmp of its own."""
    if Path(program).resolve().name == "snap":
        return False
    return subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0


@dataclass
class Browser:
    """One tab. What it asked for, what scripts said and what went wrong is in public attributes."""

    socket: aiohttp.ClientWebSocketResponse
    requests: list[str] = field(default_factory=list)  # addresses
    dialogs: list[str] = field(default_factory=list)  # texts of alert() and its like
    errors: list[str] = field(default_factory=list)  # of scripts, and what the policy refused
    process: int = 0  # of the browser; its children are of the same session
    patience: float = PATIENCE
    _numbers: Any = field(default_factory=lambda: count(1))
    _answers: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    _loaded: asyncio.Event = field(default_factory=asyncio.Event)

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        await self.socket.send_json({"id": number, "method": method, "params": parameters})
        return await asyncio.wait_for(answer, self.patience)

    async def listen(self) -> None:
        async for message in self.socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            told = message.json()
            if "id" in told:
                self._settle(told)
            else:
                await self._heard(told["method"], told["params"])

    def _settle(self, told: dict[str, Any]) -> None:
        answer = self._answers.pop(told["id"], None)
        if answer is None or answer.done():
            return
        if "error" in told:
            answer.set_exception(RuntimeError(str(told["error"])))
        else:
            answer.set_result(told["result"])

    async def _heard(self, method: str, told: dict[str, Any]) -> None:
        match method:
            case "Page.loadEventFired":
                self._loaded.set()
            case "Network.requestWillBeSent":
                self.requests.append(told["request"]["url"])
            case "Page.javascriptDialogOpening":
                self.dialogs.append(told["message"])
                await self.socket.send_json(
                    {
                        "id": next(self._numbers),
                        "method": "Page.handleJavaScriptDialog",
                        "params": {"accept": False},
                    }
                )
            case "Runtime.exceptionThrown":
                self.errors.append(str(told["exceptionDetails"].get("exception", told)))
            case "Log.entryAdded" if told["entry"]["level"] == "error":
                self.errors.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")

    async def open(self, url: str) -> None:
        """Until it is loaded."""
        self._loaded.clear()
        await self.call("Page.navigate", url=url)
        await asyncio.wait_for(self._loaded.wait(), PATIENCE)

    async def show(self, width: int, height: int, *, dark: bool = False, script: bool = True) -> None:
        """A window of that size, with the colours that its user prefers."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1.5,
            mobile=width < 500,
        )
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[feature])
        await self.call("Emulation.setScriptExecutionDisabled", value=not script)

    async def run(self, expression: str) -> Any:
        """What JavaScript of the test's own gives, awaited if it is a promise."""
        told = await self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in told:
            raise AssertionError(f"{expression}: {told['exceptionDetails']}")
        return told["result"].get("value")

    async def until(self, expression: str, patience: float = PATIENCE) -> Any:
        """What it gives as soon as that is something."""
        deadline = asyncio.get_running_loop().time() + patience
        while not (found := await self.run(expression)):
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"not within {patience} s: {expression}; errors: {self.errors}")
            await asyncio.sleep(0.03)
        return found

    async def click(self, selector: str, *, shift: bool = False) -> None:
        """In its middle, as with a mouse."""
        x, y = await self.run(
            f"(() => {{ const e = document.querySelector({selector!r}); e.scrollIntoView({{block: 'center'}});"
            "const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.call(
                "Input.dispatchMouseEvent",
                type=kind,
                x=x,
                y=y,
                button="left",
                clickCount=1,
                modifiers=8 if shift else 0,
            )

    async def press(self, key: str, *, shift: bool = False) -> None:
        code, text = KEYS.get(key, (ord(key.upper()) if len(key) == 1 else 0, key))
        if key == "/":
            code = 191
        told = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        await self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **told)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **told)

    async def write(self, text: str) -> None:
        await self.call("Input.insertText", text=text)

    async def names(self) -> list[tuple[str, str]]:
        """(role, name) of everything that assistive technology is told of."""
        told = await self.call("Accessibility.getFullAXTree")
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in told["nodes"]
            if not node["ignored"]
        ]

    async def picture(self, path: Path) -> None:
        told = await self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(told["data"]))


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    """A browser of its own with an empty profile; it has ended when this is left. Raises `NoBrowser`."""
    with tempfile.TemporaryDirectory(prefix="ci-bot-browser-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            chromium(),
            *FLAGS,
            f"--user-data-dir={profile}",
            "about:blank",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            port = await _port(Path(profile) / "DevToolsActivePort", process)
            async with aiohttp.ClientSession() as session:
                yielded = await _tab(session, port)
                yielded.process = process.pid
                listening = asyncio.create_task(yielded.listen())
                try:
                    for domain in ("Page", "Network", "Runtime", "Log", "Accessibility"):
                        await yielded.call(f"{domain}.enable")
                    yield yielded
                finally:
                    listening.cancel()
                    await asyncio.gather(listening, return_exceptions=True)
                    await yielded.socket.close()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its children too: they are of our own session
            await process.wait()


async def _port(file: Path, process: asyncio.subprocess.Process) -> int:
    deadline = asyncio.get_running_loop().time() + START_SECONDS
    while not file.exists() or not file.read_text().strip():
        if process.returncode is not None:
            raise NoBrowser(f"Chromium ended with {process.returncode}")
        if asyncio.get_running_loop().time() > deadline:
            raise NoBrowser(f"Chromium was not ready within {START_SECONDS:.0f} s")
        await asyncio.sleep(0.05)
    return int(file.read_text().split()[0])


async def _tab(session: aiohttp.ClientSession, port: int) -> Browser:
    async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
        tabs = await answer.json()
    (tab, *_) = [tab for tab in tabs if tab["type"] == "page"]
    return Browser(await session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0))
