"""Arguments, one call into work, one result on stdout. The only place that prints and exits."""
