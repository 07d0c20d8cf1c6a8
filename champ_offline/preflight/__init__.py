"""What stands in the way of a change, told before it is made: facts of a cluster, and checks."""
