"""The form of an upload in the OpenAPI document, as `Fields` declares it; FastAPI reads no part of it."""

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


_SCHEMA: Final = Fields.model_json_schema()

UPLOAD_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FILES_FIELD],
                    "additionalProperties": _SCHEMA["additionalProperties"],
                    "properties": {
                        FILES_FIELD: {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "string", "format": "binary"},
                            "description": "DICOM, PNG or JPEG; a zip is a study of its members.",
                        },
                        **{
                            name: _property(schema, _SCHEMA.get("$defs", {}))
                            for name, schema in _SCHEMA["properties"].items()
                        },
                    },
                },
                "encoding": {
                    FILES_FIELD: {"contentType": "application/dicom, image/png, image/jpeg, application/zip"}
                },
            }
        },
    }
}
