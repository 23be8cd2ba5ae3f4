"""The forms that bring images, for the OpenAPI document, as `Fields` declares them; FastAPI reads none."""

from typing import Any, Final

from api.multipart import FILES_FIELD
from api.upload import Fields


def _property(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Describe a field of a form, which is left out and never null."""
    (kind,) = (kind for kind in schema.get("anyOf", [schema]) if kind != {"type": "null"})
    defined = definitions[kind["$ref"].rpartition("/")[2]] if "$ref" in kind else {}
    described: dict[str, Any] = {**defined, **kind, **schema}
    return {
        key: value
        for key, value in described.items()
        if value is not None and key not in {"$ref", "anyOf", "title"}
    }


def _form(files: str, properties: dict[str, Any], rules: dict[str, Any]) -> dict[str, Any]:
    """Describe a form of files, and of the fields beside them.

    Args:
        files: what may be sent as files.
        rules: what holds for the form as a whole, as JSON Schema says it.
    """
    images = {
        "type": "array",
        "minItems": 1,
        "items": {"type": "string", "format": "binary"},
        "description": files,
    }
    schema = {"type": "object", **rules, "properties": {FILES_FIELD: images, **properties}}
    types = {"contentType": "application/dicom, image/png, image/jpeg, application/zip"}
    content = {"multipart/form-data": {"schema": schema, "encoding": {FILES_FIELD: types}}}
    return {"requestBody": {"required": True, "content": content}}


_SCHEMA: Final = Fields.model_json_schema()

UPLOAD_BODY: Final = _form(
    "DICOM, PNG or JPEG; a zip is a study of its members.",
    {name: _property(schema, _SCHEMA.get("$defs", {})) for name, schema in _SCHEMA["properties"].items()},
    {
        # An open study may begin with no file.
        "anyOf": [{"required": [FILES_FIELD]}, {"required": ["open"]}],
        "additionalProperties": _SCHEMA["additionalProperties"],
    },
)

FILES_BODY: Final = _form(
    "DICOM, PNG or JPEG, or zips of them.", {}, {"required": [FILES_FIELD], "additionalProperties": False}
)
