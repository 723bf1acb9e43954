"""What all pages share: templates that escape, one style sheet, and a content policy that runs and loads nothing."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports.text import duration, shortened, visible


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(visible=visible, duration=duration, short=shortened)
    return environment


def render_page(template: str, **words: Any) -> str:
    """A page, complete in itself; `template` extends `page.html`."""
    style = _environment().get_template("style.css").render()
    page = _environment().get_template(template)
    return page.render(**words, style=Markup(style), policy=content_policy(style))


def content_policy(style: str) -> str:
    """Nothing but the one style sheet, by its hash."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
