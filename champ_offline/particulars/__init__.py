"""All that a zone can tell of an app before anybody installs it: what it is, holds and asks for."""
