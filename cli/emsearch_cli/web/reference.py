"""The reference of the HTTP interface, from its OpenAPI document: ``python -m emsearch_cli.web.reference``."""

from collections.abc import Iterator, Mapping
from typing import Any

from emsearch_cli.web.api import COMMON_PROBLEMS
from emsearch_cli.web.app import interface

__all__ = ["http_reference"]

_HEAD = """\
# HTTP interface

`emsearch serve` answers programs under `/api/`. This page is made by `python -m emsearch_cli.web.reference`; the
running program gives the same as OpenAPI at `/api/openapi.json`.

The token of the address that the program prints goes with every request: `Authorization: Bearer TOKEN`.

<!-- not run: it needs the page that runs in another terminal -->
```bash
curl -H "Authorization: Bearer $TOKEN" -F image=@examples/groel.png -F pixel_size_angstrom=3.75 'http://127.0.0.1:8600/api/searches?wait=60'
```

Images are searched in the order of their arrival, one at a time; where too many wait, another one is not read at all.
What goes wrong is one sentence, `{"detail": "..."}`, with its status:
"""


def http_reference() -> str:
    """Return the page."""
    document = interface().openapi()
    schemas = document["components"]["schemas"]
    common = [f"| {status} | {problem['description']} |" for status, problem in COMMON_PROBLEMS.items()]
    lines = [_HEAD, "| status | what is wrong |\n|---|---|", *common, ""]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            lines += _operation(method.upper(), path, operation)
    lines.append("## Objects\n")
    for name, schema in sorted(schemas.items()):
        lines += _schema(name, schema)
    return "\n".join(lines).rstrip() + "\n"


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {method} {path}\n"
    yield f"{operation['description']}\n"
    fields = [
        (
            parameter["name"],
            f"in the {parameter['in']}",
            parameter["schema"],
            parameter.get("description", ""),
        )
        for parameter in operation.get("parameters", ())
    ]
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = content["schema"]
        if "$ref" in schema:
            yield f"Body: `{media}`, {_type(schema)}.\n"
        else:
            fields += [
                (n, f"`{media}`", s, s.get("description", "")) for n, s in schema["properties"].items()
            ]
    if fields:
        yield "| name | where | type | meaning |\n|---|---|---|---|"
        for name, where, schema, meaning in fields:
            yield f"| `{name}` | {where} | {_type(schema)}{_default(schema)} | {meaning} |"
        yield ""
    told = [
        f"{status}: {_answer(response)}"
        for status, response in operation["responses"].items()
        if int(status) not in COMMON_PROBLEMS
    ]
    yield f"Answer: {'; '.join(told)}\n"


def _answer(response: Mapping[str, Any]) -> str:
    for media, content in response.get("content", {}).items():
        if media != "application/json":
            return f"`{media}`"
        kind = _type(content["schema"])
        return kind if "Problem" not in kind else str(response["description"])
    return "nothing" if response["description"] == "Successful Response" else str(response["description"])


def _schema(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    if "properties" not in schema:
        return
    yield f"### {name}\n"
    if "description" in schema:
        yield f"{schema['description']}\n"
    yield "| field | type | meaning |\n|---|---|---|"
    for field, kind in schema["properties"].items():
        yield f"| `{field}` | {_type(kind)}{_default(kind)} | {kind.get('description', '')} |"
    yield ""


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type(kind) for kind in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        inner = _type(schema["items"])
        return f"list of {inner}" if inner else "list"
    if schema.get("format") == "binary":
        return "file"
    return f"{schema.get('type', '')}{_range(schema)}"


def _range(schema: Mapping[str, Any]) -> str:
    words = {"exclusiveMinimum": "above", "minimum": "from", "maximum": "to", "maxLength": "at most"}
    found = [f"{word} {schema[key]}" for key, word in words.items() if key in schema]
    return f" {' '.join(found)}" if found else ""


def _default(schema: Mapping[str, Any]) -> str:
    default = schema.get("default")
    return "" if default in (None, "") else f", default `{default}`"


if __name__ == "__main__":
    print(http_reference(), end="")
