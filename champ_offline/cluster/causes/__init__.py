"""Why something does not come up: judged from objects, events and last log lines."""
