"""One module for each verb; `installer.cli.verbs` names them and loads one when it is called.

Invariant: a verb reads its arguments, calls one method of the appliance or the workshop and shows
what came back. It decides nothing.
"""
