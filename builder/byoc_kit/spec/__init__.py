"""byoc.toml: parse, check, complete. Three steps, all mistakes at once, each with key path and line."""
