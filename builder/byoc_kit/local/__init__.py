"""Containers started here exactly as SageMaker starts them, over an /opt/ml tree on this disk."""
