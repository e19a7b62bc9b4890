"""Everything that touches boto3 and botocore."""
