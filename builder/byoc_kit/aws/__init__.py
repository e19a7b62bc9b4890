"""The only room that knows boto3 and botocore."""
