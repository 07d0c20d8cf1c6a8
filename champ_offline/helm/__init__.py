"""Helm behind one interface: the Helm SDK in a child process, or the official `helm` command."""
