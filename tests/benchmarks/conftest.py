"""What the tests of benchmarks share: the sandbox of this machine, or no test."""

from tests.verification.conftest import sandbox, secret, session_place

__all__ = ["sandbox", "secret", "session_place"]
