"""The description of the API for people: a page made from the document at /openapi.json, once, at the start.

It is plain HTML: it works without a script and asks nobody but this server for anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from http import HTTPStatus
from typing import Any

_Json = Mapping[str, Any]

# Beyond this a bound is that of the number itself and of no use to a reader.
_HUGE = 2**53

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>Chat API</title>
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <meta name="description" content="What programs can ask of this chat server, and what it answers.">
  <link rel="icon" type="image/svg+xml" href="{static}/favicon.svg">
  <script src="{static}/theme.js"></script>
  <link rel="stylesheet" href="{static}/style.css">
  <link rel="stylesheet" href="{static}/docs/style.css">
</head>
<body class="docs">
<a class="skip" href="#contents">To the text</a>
<header>
  <p class="brand">
    <svg class="mark" aria-hidden="true"><use href="{static}/icons.svg#mark"/></svg> <a href="/">Chat</a>
  </p>
  <p><a href="/openapi.json">openapi.json</a></p>
</header>
<nav aria-label="Endpoints">
{contents}
</nav>
<main id="contents" tabindex="-1">
<h1>API</h1>
<p class="hint">Version {version}</p>
{about}
{endpoints}
<section id="nouns" aria-labelledby="nouns-title">
<h2 id="nouns-title">What is in the answers</h2>
{nouns}
</section>
</main>
</body>
</html>
"""


def docs_page(document: str, static: str) -> str:
    """The page.

    Args:
        document: the OpenAPI document as JSON.
        static: the folder of the style and the script, as a page writes it.
    """
    described: _Json = json.loads(document)
    by_tag: dict[str, list[tuple[str, str, _Json]]] = {tag["name"]: [] for tag in described["tags"]}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            by_tag[operation["tags"][0]].append((method.upper(), path, operation))
    schemas = described["components"]["schemas"]
    return _PAGE.format(
        static=static,
        version=escape(described["info"]["version"]),
        about=_prose(described["info"]["description"]),
        contents="\n".join(_contents(by_tag)),
        endpoints="\n".join(_tag(tag, operations, schemas) for tag, operations in by_tag.items() if operations),
        nouns="\n".join(_noun(name, schema) for name, schema in schemas.items()),
    )


def example_of(schema: _Json, schemas: _Json) -> Any:
    """A value that the schema allows, put together from the examples in it."""
    if "$ref" in schema:
        return example_of(schemas[_noun_of(schema)], schemas)
    if schema.get("type") == "object":
        return {name: example_of(inner, schemas) for name, inner in schema.get("properties", {}).items()}
    if schema.get("type") == "array":
        return [example_of(schema["items"], schemas)]
    return schema["examples"][0]


def _contents(by_tag: Mapping[str, list[tuple[str, str, _Json]]]) -> Iterator[str]:
    for tag, operations in by_tag.items():
        if operations:
            links = "".join(
                f'<li><a href="#{operation["operationId"]}">{escape(path)} <small>{method}</small></a></li>'
                for method, path, operation in operations
            )
            yield f"<details open><summary>{escape(tag)}</summary><ul>{links}</ul></details>"


def _tag(tag: str, operations: Iterable[tuple[str, str, _Json]], schemas: _Json) -> str:
    title = re.sub(r"\W+", "-", tag.lower())
    endpoints = "\n".join(_endpoint(*operation, schemas) for operation in operations)
    return f'<section aria-labelledby="{title}"><h2 id="{title}">{escape(tag)}</h2>\n{endpoints}\n</section>'


def _endpoint(method: str, path: str, operation: _Json, schemas: _Json) -> str:
    name = operation["operationId"]
    title = f'<span class="method">{method}</span> <code>{escape(path)}</code>'
    parts = [
        f'<article id="{name}" aria-labelledby="{name}-title">',
        f'<h3 id="{name}-title"><a href="#{name}">{title}</a></h3>',
        _prose(f"{operation['summary']} {operation.get('description', '')}"),
        f'<p class="who">{_who(operation)}</p>',
        _titled("Asked with", _parameters(operation)),
        *(_titled("Example", _code(sample["source"])) for sample in operation["x-codeSamples"]),
        *_answer(operation, schemas),
        _refusals(operation),
        "</article>",
    ]
    return "\n".join(filter(None, parts))


def _who(operation: _Json) -> str:
    if not operation["security"]:
        return "For everyone."
    codes = _codes(operation["responses"].get("403", {}))
    return "For admins." if "not_admin" in codes else "For everyone who is signed in."


def _parameters(operation: _Json) -> str:
    lines = [
        _line(told["name"], told["schema"], is_required=told["required"], place=f"in the {told['in']}")
        for told in operation.get("parameters", ())
    ]
    if body := operation.get("requestBody"):
        lines += _lines(body["content"]["application/json"]["schema"])
    return _fields(lines) if lines else ""


def _answer(operation: _Json, schemas: _Json) -> Iterator[str]:
    for status, response in operation["responses"].items():
        if int(status) < HTTPStatus.MULTIPLE_CHOICES:
            for kind, content in response.get("content", {}).items():
                schema = content["schema"]
                if kind == "application/json" and ("$ref" in schema or "properties" in schema):
                    example = json.dumps(example_of(schema, schemas), ensure_ascii=False, indent=2)
                    yield _titled(f"Answer: {status}", _code(example))
                    if meanings := _meanings(schema):
                        yield _fields(meanings)
                    return
            kinds = " or ".join(f"<code>{escape(kind)}</code>" for kind in response.get("content", {}))
            yield _titled(f"Answer: {status}", f"<p>{kinds or escape(response['description'])}</p>")


def _refusals(operation: _Json) -> str:
    items = "".join(
        f"<dt>{status} {HTTPStatus(int(status)).phrase}</dt><dd>{_inline(response['description'])}</dd>"
        for status, response in operation["responses"].items()
        if int(status) >= HTTPStatus.MULTIPLE_CHOICES
    )
    return f"<details><summary>Other answers</summary><dl>{items}</dl></details>"


def _noun(name: str, schema: _Json) -> str:
    return (
        f'<article id="noun-{name}" aria-labelledby="noun-{name}-title"><h3 id="noun-{name}-title">{name}</h3>'
        f"{_fields(_lines(schema))}</article>"
    )


def _meanings(schema: _Json) -> list[str]:
    """What the example does not say by itself."""
    if "$ref" in schema:
        return [f"<li>{_kind(schema)}</li>"]
    return [
        _line(name, inner, is_required=name in schema["required"])
        for name, inner in schema["properties"].items()
        if "description" in inner or inner.get("type") == "array"
    ]


def _lines(schema: _Json) -> list[str]:
    return [
        _line(name, inner, is_required=name in schema.get("required", ()))
        for name, inner in schema["properties"].items()
    ]


def _line(name: str, schema: _Json, *, is_required: bool, place: str = "") -> str:
    notes = [_kind(schema), place, "" if is_required else "may be missing"]
    means = f"<p>{_inline(schema['description'])}</p>" if "description" in schema else ""
    return f"<li><code>{escape(name)}</code> <span>{', '.join(filter(None, notes))}</span>{means}</li>"


def _fields(lines: Iterable[str]) -> str:
    return f'<ul class="fields">{"".join(lines)}</ul>'


def _kind(schema: _Json) -> str:
    """What a value is, in words."""
    if "$ref" in schema:
        noun = _noun_of(schema)
        return f'<a href="#noun-{noun}">{noun}</a>'
    if "anyOf" in schema:
        return _kind(schema["anyOf"][0])  # the others are other ways to write it, or none
    if values := schema.get("enum", [schema["const"]] if "const" in schema else []):
        return " or ".join(f"<code>{escape(json.dumps(value))}</code>" for value in values)
    if schema["type"] == "array":
        return f"list of {_kind(schema['items'])}"
    return {
        "integer": f"number{_bounds(schema, 'minimum', 'maximum')}",
        "string": f"text{_bounds(schema, 'minLength', 'maxLength', ' characters')}",
        "boolean": "true or false",
        "object": "object",
    }[schema["type"]]


def _bounds(schema: _Json, least: str, most: str, unit: str = "") -> str:
    if schema.get(most, _HUGE) >= _HUGE:
        return ""
    return f", {schema.get(least, 0):,} to {schema[most]:,}{unit}"


def _codes(response: _Json) -> list[str]:
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    return next((part["properties"]["code"]["enum"] for part in schema.get("allOf", ()) if "properties" in part), [])


def _noun_of(schema: _Json) -> str:
    return str(schema["$ref"].rpartition("/")[2])


def _titled(title: str, html: str) -> str:
    return f"<h4>{title}</h4>{html}" if html else ""


def _code(text: str) -> str:
    return f"<pre><code>{escape(text)}</code></pre>"


def _prose(text: str) -> str:
    """Paragraphs and lists of the little Markdown that the document holds."""
    blocks = []
    for block in text.strip().split("\n\n"):
        if block.startswith("- "):
            items = "".join(f"<li>{_inline(item)}</li>" for item in re.split(r"(?:^|\n)- ", block)[1:])
            blocks.append(f"<ul>{items}</ul>")
        else:
            blocks.append(f"<p>{_inline(block)}</p>")
    return "\n".join(blocks)


def _inline(text: str) -> str:
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text.strip()))
