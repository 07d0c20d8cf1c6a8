"""What clients that push rely on: the challenge, tokens, Basic; over TLS and a real server.

Sources: Docker's "Token Authentication Specification" and "Docker Registry v2 authentication using
OAuth2" (distribution/distribution, docs), RFC 6749, 6750, 7617, and what containers/image, docker
and containerd send.
"""
