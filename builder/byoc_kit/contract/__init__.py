"""SageMaker's contract as data: clauses and predicates over evidence, and the report's text."""
