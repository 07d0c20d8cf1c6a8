"""The command line: one file a verb, stdout for data, stderr for talk, exit codes from one enum."""
