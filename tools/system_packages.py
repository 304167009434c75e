"""Find the Debian packages that Qt, Xvfb and the virtual environment need; install them as root.

Uses only the standard library, and parses under any Python 3: it runs before anything is
installed, and is what tells the user that Python is too old.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys

OLDEST_PYTHON = (3, 11)

#: Shared libraries that Qt loads, by the Debian package that holds each. Without icccm4 and
#: keysyms1 Qt stops with a message that names xcb-cursor0 instead, so each is looked for.
LIBRARIES = {
    "libegl1": "libEGL.so.1",
    "libgl1": "libGL.so.1",
    "libfontconfig1": "libfontconfig.so.1",
    "libglib2.0-0": "libglib-2.0.so.0",
    "libxkbcommon0": "libxkbcommon.so.0",
    "libdbus-1-3": "libdbus-1.so.3",
    "libxcb-cursor0": "libxcb-cursor.so.0",
    "libxcb-icccm4": "libxcb-icccm.so.4",
    "libxcb-keysyms1": "libxcb-keysyms.so.1",
    "libxcb-shape0": "libxcb-shape.so.0",
    "libxkbcommon-x11-0": "libxkbcommon-x11.so.0",
}

#: Programs of the tests and of the demo without a display. Everything else works without them.
PROGRAMS = {
    "xvfb": "xvfb-run",
    "xauth": "xauth",
    "xdotool": "xdotool",
    "imagemagick": "import",
    "x11-utils": "xdpyinfo",
}


def main() -> int:
    """Install what is missing, or say how; 1 if set-up can't go on."""
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        say(f"Python {wanted} or newer is needed, this is {sys.version.split()[0]}.")
        say(f"Where there is one, type: make PYTHON=python{wanted} setup")
        return 1
    if not sys.platform.startswith("linux"):
        return 0
    needed, useful = missing_packages()
    if (needed or useful) and os.geteuid() == 0 and shutil.which("apt-get"):
        install(needed + useful)
        needed, useful = missing_packages()
    if needed or useful:
        say("These system packages are missing. To install them:")
        say("  sudo apt-get install -y --no-install-recommends " + " ".join(needed + useful))
    if useful and not needed:
        say("Going on without them: windows are not tested as a person uses them.")
    return 1 if needed else 0


def missing_packages() -> tuple[list[str], list[str]]:
    """Debian packages that set-up needs, and those that only tests and the demo use."""
    needed = [package for package, library in LIBRARIES.items() if not loads(library)]
    # Debian ships Python's own venv module without the part that installs pip.
    if importlib.util.find_spec("ensurepip") is None:
        needed.append("python3-venv")
    return needed, [package for package, name in PROGRAMS.items() if shutil.which(name) is None]


def loads(library: str) -> bool:
    """Whether the dynamic linker finds ``library``."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def install(packages: list[str]) -> None:
    """Install Debian packages; a failure shows in what is still missing afterwards."""
    say("Installing system packages: " + " ".join(packages))
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *packages],
    ):
        subprocess.run(
            command, env=environment, check=False, stdin=subprocess.DEVNULL, stdout=sys.stderr
        )


def say(line: str) -> None:
    """Write one line for the user."""
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
