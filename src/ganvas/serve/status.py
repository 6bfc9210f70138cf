"""Errors of a server: gRPC codes by name, and their HTTP status.

Source: TensorFlow Serving, `model_servers/http_server.cc` for the pairs.
"""

from __future__ import annotations

from ..errors import GanvasError

HTTP = {
    "OK": 200,
    "INVALID_ARGUMENT": 400, "FAILED_PRECONDITION": 400, "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403, "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409, "ABORTED": 409, "RESOURCE_EXHAUSTED": 429, "CANCELLED": 499,
    "UNKNOWN": 500, "INTERNAL": 500, "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501, "UNAVAILABLE": 503, "DEADLINE_EXCEEDED": 504,
}  # fmt: skip

NUMBERS = {
    "OK": 0, "CANCELLED": 1, "UNKNOWN": 2, "INVALID_ARGUMENT": 3, "DEADLINE_EXCEEDED": 4,
    "NOT_FOUND": 5, "ALREADY_EXISTS": 6, "PERMISSION_DENIED": 7, "RESOURCE_EXHAUSTED": 8,
    "FAILED_PRECONDITION": 9, "ABORTED": 10, "OUT_OF_RANGE": 11, "UNIMPLEMENTED": 12,
    "INTERNAL": 13, "UNAVAILABLE": 14, "DATA_LOSS": 15, "UNAUTHENTICATED": 16,
}  # fmt: skip
NAMES = {number: name for name, number in NUMBERS.items()}


class Declined(GanvasError):
    """An error in response to a request, in the server and in the client.

    Args:
        code: the name of a gRPC status, such as "NOT_FOUND".
        http: the HTTP status, if it is not that of the code (413, 408).
    """

    def __init__(self, code: str, message: str, http: int | None = None):
        super().__init__(message)
        self.code = code
        self.message = message
        self.http = http or HTTP[code]


def invalid(message: str) -> Declined:
    """The error for a wrong request: 400, INVALID_ARGUMENT."""
    return Declined("INVALID_ARGUMENT", message)
