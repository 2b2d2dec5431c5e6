"""The description of the API as it is served: for programs and for people, made once and kept in memory."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from chat.settings import Settings
from chat.web.docs import docs_page
from chat.web.openapi import openapi_document
from chat.web.pages import SITE
from chat.web.routes import ROUTES
from chat.web.sessions import cookie_name
from chat.web.static_files import REVALIDATED, StaticFile, kept_in_memory


class Description(NamedTuple):
    openapi: StaticFile
    docs: StaticFile


def describe(settings: Settings) -> Description:
    """The description of a server that is set up so."""
    # Nothing in it depends on the folder, and one process that starts many servers (the tests) makes it once.
    return _describe(dataclasses.replace(settings, data_dir=Path()))


@lru_cache(maxsize=2)
def _describe(settings: Settings) -> Description:
    routes = [(method, path) for method, path, _ in ROUTES]
    document = openapi_document(settings, routes, cookie_name=cookie_name(settings))
    page = docs_page(document, SITE.prefix)
    return Description(
        kept_in_memory("openapi.json", document.encode(), REVALIDATED),
        kept_in_memory("docs.html", page.encode(), REVALIDATED),
    )
