"""The rig's S3 is empty each time, whatever was left in an earlier one."""

import boto3

from rig.s3 import s3_server


def test_a_server_of_the_rig_knows_nothing_of_an_earlier_one() -> None:
    found = []
    for _ in range(2):
        with s3_server() as environment:
            client = boto3.client(
                "s3",
                endpoint_url=environment["AWS_ENDPOINT_URL"],
                aws_access_key_id="testing",
                aws_secret_access_key="testing",
                region_name="us-east-1",
            )
            found.append(client.list_buckets()["Buckets"])
            client.create_bucket(Bucket="left")
            client.close()
    assert found == [[], []]
