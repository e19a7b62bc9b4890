"""One short module per verb: a list of steps one can read. Together they are the public Python API."""
