"""The API reference page: the OpenAPI document as HTML, rendered here; no script, nothing from outside."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from api.access import NEEDS, Rule
from api.problems import CODES

HERE = Path(__file__).parent
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ALIAS = """\
export QIANXIAN_ALIAS=$({ask} \\
  | grep -o '"alias":"[^"]*"' | head -n 1 | cut -d '"' -f 4)   # of whoever stands first · 第一位的代号"""
"""How a reader gets the alias that an example needs."""
STATIC = {"reference.css": "text/css; charset=utf-8", "qianxian.svg": "image/svg+xml"}
"""Files beside the page, with their media types."""


def static(name: str) -> tuple[bytes, str] | None:
    """(content, media type) of a file beside the page."""
    return ((HERE / "static" / name).read_bytes(), STATIC[name]) if name in STATIC else None


def page(document: dict[str, Any]) -> str:
    """The page for an OpenAPI document."""
    groups = [
        {"name": tag["name"], "text": tag["description"], "operations": _operations(document, tag["name"])}
        for tag in document["tags"]
    ]
    schemas = document["components"]["schemas"]
    return (
        _environment()
        .get_template("reference.html.j2")
        .render(
            info=document["info"],
            groups=groups,
            security=document["components"]["securitySchemes"]["key"]["description"],
            models=[
                _model(name, schema) for name, schema in schemas.items() if "properties" in schema and "." not in name
            ],
            kinds=[_model(name, schema) for name, schema in schemas.items() if "." in name],
            problems=CODES,
        )
    )


def _operations(document: dict[str, Any], tag: str) -> list[dict[str, Any]]:
    """The operations of a group, in an order in which their examples work: what is made goes last, last made first."""
    found = [
        {
            "anchor": operation["operationId"],
            "method": method.upper(),
            "path": path,
            "summary": operation["summary"],
            "description": operation.get("description", ""),
            "access": NEEDS[Rule(operation["x-access"])],
            "parameters": [
                {**parameter, "type": _type(parameter["schema"]), "valid": parameter["schema"].get("enum", ())}
                for parameter in operation.get("parameters", ())
            ],
            "body": _content(operation.get("requestBody", {}), "application/json"),
            "answers": [
                {"status": status, "text": answer["description"], **_content(answer, "application/json")}
                for status, answer in sorted(operation["responses"].items())
            ],
            "curl": _examples(document, method.upper(), path, operation),
        }
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if tag in operation.get("tags", ())
    ]
    deletes = [operation for operation in found if operation["method"] == "DELETE"]
    return [operation for operation in found if operation["method"] != "DELETE"] + deletes[::-1]


def _content(holder: dict[str, Any], media_type: str) -> dict[str, Any]:
    content = holder.get("content", {}).get(media_type)
    if content is None:
        return {"schema": "", "examples": []}
    examples = [(e["summary"], _pretty(e["value"])) for e in content.get("examples", {}).values()]
    if "example" in content:
        examples.append(("Example · 示例", _pretty(content["example"])))
    return {"schema": _type(content["schema"]), "examples": examples}


def _examples(document: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> str:
    """What can be typed, in a shell that did what the page said before."""
    lines = [_curl(method, path, operation, {})]
    if "$QIANXIAN_ALIAS" in lines[0]:
        asked = "/v1/matches/{match_kind}"
        ask = _curl("POST", asked, document["paths"][asked]["post"], {})
        lines.insert(0, ALIAS.format(ask=ask))
    if also := operation.get("x-also"):
        lines.append(_curl(method, path, operation, also))
    return "\n\n".join(lines)


def _curl(method: str, path: str, operation: dict[str, Any], also: dict[str, str]) -> str:
    """The curl line of an operation's first example; `also` names path parameters and an example to take instead."""
    samples = {
        (parameter["in"], parameter["name"]): also.get(parameter["name"], str(parameter["schema"]["examples"][0]))
        for parameter in operation.get("parameters", ())
        if "examples" in parameter["schema"]
    }
    for (where, name), sample in samples.items():
        path = path.replace("{" + name + "}", sample) if where == "path" else path
    query = "&".join(f"{name}={sample}" for (where, name), sample in samples.items() if where == "query")
    path += f"?{query}" if query else ""
    parts = [f"curl -X {method}" if method != "GET" else "curl", f'"$QIANXIAN_URL{path}"']
    if operation["security"]:
        key = "$QIANXIAN_OPERATOR" if operation["x-access"] in {Rule.READ, Rule.WRITE} else "$QIANXIAN_KEY"
        parts.append(f'-H "Authorization: Bearer {key}"')
    examples = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("examples", {})
    if examples:
        example = examples[also["example"]] if "example" in also else next(iter(examples.values()))
        value = orjson.dumps(example["value"]).decode().replace("'", "'\\''")
        if alias := example["value"].get("alias"):
            value = value.replace(alias, "'\"$QIANXIAN_ALIAS\"'")
        parts += ['-H "Content-Type: application/json"', f"-d '{value}'"]
    return " \\\n  ".join(parts)


def _model(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    required = set(schema.get("required", ()))
    fields = [
        {"name": field, "type": _type(part), "required": field in required, "text": part.get("description", "")}
        for field, part in schema["properties"].items()
    ]
    title = schema.get("title", name)
    return {
        "name": name,
        "title": title if title != name else "",
        "text": schema.get("description", ""),
        "fields": fields,
    }


def _type(schema: dict[str, Any]) -> str:
    """A short name of a schema: `array of string`, `MatchGroup`, `integer or null`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(_type(part) for part in schema[key]))
    kind = schema.get("type", "any")
    if kind == "array":
        return f"array of {_type(schema.get('items', {}))}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _pretty(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _coded(text: str) -> Markup:
    """Escaped text with `code` between backticks."""
    parts = str(text).split("`")
    return Markup("").join(Markup("<code>{}</code>").format(p) if at % 2 else escape(p) for at, p in enumerate(parts))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["coded"] = _coded
    return environment
