"""byoc.toml as JSON Schema (draft 2020-12), for editors: completion, descriptions, red lines for typos."""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from byoc_kit.spec.model import SpecFile

__all__ = ["json_schema"]


class _WithoutNull(GenerateJsonSchema):
    """TOML has no null: a key that may be left out is simply not required. And no titles: the key is one."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def json_schema() -> dict[str, Any]:
    """The schema, with a description, an example and the default of every key where there is one."""
    made = SpecFile.model_json_schema(by_alias=True, schema_generator=_WithoutNull)
    return {"$schema": GenerateJsonSchema.schema_dialect, **made, "title": "byoc.toml"}
