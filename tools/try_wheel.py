"""Build the wheel, install it in a fresh environment, and use it from a folder that would trip it.

Run by ``.ci/run`` as ``python -m tools.try_wheel``. The folder has a ``config`` package of its
own: a name as common as that must not be taken for ours.
"""

from __future__ import annotations

import configparser
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
START_LIMIT_S = 90
STOP_LIMIT_S = 20


def main() -> None:
    """Try the wheel; raises when it does not do what it should."""
    with tempfile.TemporaryDirectory(prefix="shenava-wheel-") as name:
        folder = Path(name)
        wheel = build(folder)
        shenava = install(folder, wheel)
        use(folder, shenava)
    print(f"wheel: {wheel.name} was built, installed and used from elsewhere; all is well")


def build(folder: Path) -> Path:
    """Build the wheel into ``folder``; returns its path."""
    source = folder / "source"
    # A copy: setuptools would leave folders behind, and take what is left there into the wheel.
    litter = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, source, ignore=litter)
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", str(folder), str(source))
    (wheel,) = folder.glob("shenava-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        tops = {entry.partition("/")[0] for entry in archive.namelist()}
    rooms = rooms_of(source)
    strays = {top for top in tops - rooms if not top.endswith(".dist-info")}
    assert tops >= rooms and not strays, f"the wheel holds {sorted(tops)}"
    return wheel


def rooms_of(source: Path) -> set[str]:
    """The packages that ``setup.cfg`` says belong to the wheel: neither tests nor tools."""
    setup = configparser.ConfigParser()
    setup.read(source / "setup.cfg")
    return {name.strip("*") for name in setup["options.packages.find"]["include"].split()}


def install(folder: Path, wheel: Path) -> Path:
    """Install ``wheel`` into an environment of its own; returns the command."""
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    pip(str(folder / "venv/bin/python"), "install", str(wheel))
    return folder / "venv/bin/shenava"


def pip(python: str, *words: str) -> None:
    quiet = ["-qq", "--disable-pip-version-check"]
    subprocess.run([python, "-m", "pip", words[0], *quiet, *words[1:]], check=True)


def use(folder: Path, shenava: Path) -> None:
    """Run the service from a strange folder, ask it, feed it, stop it."""
    strange = folder / "strange"
    (strange / "config").mkdir(parents=True)
    (strange / "config/__init__.py").write_text("raise SystemExit('this config is not ours')\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SHENAVA_")}
    env = {**clean, "SHENAVA_HOME": str(folder / "home"), "SHENAVA_PORT": str(port)}

    def command(*words: str, given: str | None = None) -> str:
        return subprocess.run(
            [shenava, *words], cwd=strange, env=env, check=True, encoding="utf-8", input=given,
            stdout=subprocess.PIPE, timeout=START_LIMIT_S,
        ).stdout  # fmt: skip

    service = subprocess.Popen([shenava, "run"], cwd=strange, env=env)
    try:
        wait_until_well(service, f"http://127.0.0.1:{port}")
        line = json.dumps({"text": "پول کم شد و سفارش ثبت نشد"})
        verdict = json.loads(command("classify", "-", "--json", given=line + "\n"))["verdict"]
        assert verdict["language"] == "fa", verdict
        file = "id,created_at,author,account,text\n1,2026-11-20T10:00:00Z,sara,shop,late again\n"
        words = command("import", "-", "--platform", "x", "--json", given=file)
        report = json.loads(words.splitlines()[-1])
        assert (report["read"], report["new"], report["rejected"]) == (1, 1, 0), report
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as page:
            assert page.status == 200 and b"<form" in page.read()
        service.send_signal(signal.SIGTERM)
        code = service.wait(STOP_LIMIT_S)
        assert code == 0, f"SIGTERM ended it with {code}"
    finally:
        if service.poll() is None:
            service.kill()
            service.wait()


def wait_until_well(service: subprocess.Popen[bytes], address: str) -> None:
    until = time.monotonic() + START_LIMIT_S
    while time.monotonic() < until:
        assert service.poll() is None, f"it ended at its start with {service.returncode}"
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=5) as answer:
                assert json.load(answer)["ok"]
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    raise AssertionError("it did not answer in time")


if __name__ == "__main__":
    main()
