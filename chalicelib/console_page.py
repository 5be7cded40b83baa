"""The web console as one document, put together from the files in chalicelib/console/.

No build step: styles and scripts go into the page as they are written, and the page's policy allows
them by their hashes and nothing else. Scripts are modules of their own there; here each becomes a
function that is called once, after those that it imports.
"""

import base64
import graphlib
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

STYLES = ("colours", "type", "frame", "controls", "views", "dialogs")
_IMPORT = re.compile(r'^import (?:\{ ([\w, ]+) \} from )?"\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?function|class|const) (\w+)", re.MULTILINE)
# Whatever a page may ask of a browser, this one does not, but for its copy button.
_NEVER = ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")


@dataclass(frozen=True)
class Page:
    """The console's document, and the headers that it needs."""

    document: str
    headers: dict[str, str]


def read(folder: Path) -> Page:
    """Return the page made of the files in *folder*: ``page.html``, styles and scripts."""
    style = "\n".join(_text(folder / f"{name}.css") for name in STYLES)
    script = join({file.stem: _text(file) for file in sorted(folder.glob("*.js"))})
    document = _text(folder / "page.html")
    document = document.replace("/* styles */", style).replace("/* scripts */", script)
    headers = {
        "Content-Security-Policy": _policy(style, script),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": ", ".join(f"{name}=()" for name in _NEVER),
        "Referrer-Policy": "no-referrer",
    }
    return Page(document, headers)


def join(scripts: dict[str, str]) -> str:
    """Return modules, named and told apart by file, as one script without imports.

    Imports stand one a line, ``import { a, b } from "./file.js";``. Raises graphlib.CycleError.
    """
    needs = {name: {found[2] for found in _IMPORT.finditer(scripts[name])} for name in scripts}
    order = graphlib.TopologicalSorter(needs).static_order()
    return "\n".join(_as_function(name, scripts[name]) for name in order)


def _as_function(name: str, source: str) -> str:
    given = ", ".join(found[2] for found in _EXPORT.finditer(source))
    inside = _IMPORT.sub(lambda m: f"const {{ {m[1]} }} = ${m[2]};\n" if m[1] else "", source)
    inside = _EXPORT.sub(r"\1 \2", inside)
    return f"const ${name} = (() => {{\n{inside}\nreturn {{ {given} }};\n}})();"


def _policy(style: str, script: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash(script)}",
            f"style-src {_hash(style)}",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")
