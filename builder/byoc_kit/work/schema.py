"""``byoc schema``: the JSON Schema of byoc.toml."""

import json
from pathlib import Path

from byoc_kit.errors import UsageError

__all__ = ["schema_text", "write_schema"]


def schema_text() -> str:
    """The schema as JSON, draft 2020-12, ending with a line end; the same for the same version of byoc."""
    from byoc_kit.spec.schema import json_schema

    return json.dumps(json_schema(), indent=2) + "\n"


def write_schema(file: Path) -> None:
    """Write the schema to *file*, over an older one. Raises UsageError where that cannot be."""
    try:
        file.write_text(schema_text(), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{file} cannot be written",
            why=error.strerror or str(error),
            fix="name a file in a folder that exists and that you may write to",
            id="BYOC-E133",
        ) from error
