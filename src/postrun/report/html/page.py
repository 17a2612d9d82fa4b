"""A page: one file that needs nothing else, and lets nothing of a run become code.

Templates escape by default; scripts build elements and never parse text; and a content security
policy lets only postrun's own script run (by its hash) and nothing be fetched or sent.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound
from markupsafe import Markup

from postrun.model.text import plain
from postrun.report.html.buffer import Buffer
from postrun.report.html.compiled import compiled_templates
from postrun.report.html.library import chart_library

#: In the order in which they use each other.
_SCRIPTS = {
    "run": (
        "data", "math", "units", "dom", "state", "chart", "ranges", "tooltip", "annotate", "download",
        "address", "board", "log", "timeline", "media", "run",
    ),
    "comparison": (
        "data", "math", "units", "dom", "state", "chart", "ranges", "tooltip", "annotate", "download",
        "address", "board", "log", "table", "statistics", "relations", "sortable", "comparison",
    ),
    "study": ("sortable",),
    "index": ("data", "dom", "index"),
}  # fmt: skip
#: What a kind of page has beside the common style.
_STYLES = {"index": "index.css", "comparison": "study.css", "study": "study.css"}
_START = {
    "run": "openRun().catch(unable)",
    "comparison": "sortableTables(); openComparison().catch(unable)",
    "study": "sortableTables(); performance.mark('postrun-charts')",
    "index": "openIndex()",
}

#: Kinds whose page draws without uPlot.
_PLAIN = ("study", "index")


def render_page(
    kind: str, title: str, data: Mapping[str, Any], buffer: Buffer, **context: Any
) -> str:
    """The whole page of a kind ("run", "comparison", "study" or "index").

    `data` goes into the page as JSON, `buffer` as one compressed block, `context` to the template.
    """
    script, style = _script(kind), _style(kind)
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    return (
        _environment()
        .get_template(f"{kind}.html")
        .render(
            title=title,
            policy=policy,
            style=Markup(style),
            script=Markup(script),
            data=Markup(_json(data)),
            numbers=Markup(buffer.text()),
            version=version("postrun"),
            **context,
        )
    )


def _json(value: Any) -> str:
    """JSON that cannot end the script element that holds it."""
    text = json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"), default=str)
    return text.replace("<", "\\u003c")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _script(kind: str) -> str:
    own = "\n".join(_asset(f"{name}.js") for name in _SCRIPTS[kind])
    library = "" if kind in _PLAIN else chart_library()[0]
    return f"{library}\n(() => {{\n{own}\n{_START[kind]};\n}})();\n"


@cache
def _style(kind: str) -> str:
    library = "" if kind in _PLAIN else chart_library()[1]
    own = _asset(_STYLES[kind]) if kind in _STYLES else ""
    return f"{library}\n{_asset('page.css')}\n{own}"


@cache
def _asset(name: str) -> str:
    return _text("assets", name)


def _text(folder: str, name: str) -> str:
    return files("postrun.report.html").joinpath(folder, name).read_text(encoding="utf-8")


class _Templates(BaseLoader):
    """The templates beside this file, wherever the package lies."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Any]:
        """One template's text."""
        try:
            return _text("templates", template), template, lambda: True
        except OSError as error:
            raise TemplateNotFound(template) from error


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=_Templates(),
        bytecode_cache=compiled_templates(),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["leaf"] = leaf
    environment.filters["breakable"] = breakable
    return environment


def breakable(name: str) -> Markup:
    """Return a metric's name that breaks after "/", "_" and ".", and not within words."""
    parts = re.split(r"(?<=[/_.])", name)
    return Markup("<wbr>").join(parts)


def leaf(value: Any) -> str:
    """A setting as people read it; long ones are cut, which is said."""
    text = (
        value
        if isinstance(value, str)
        else json.dumps(plain(value), ensure_ascii=False, default=str)
    )
    most = 2000
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} more characters)"
