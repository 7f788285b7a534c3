"""AWS credentials that the program hands over itself.

A library thread asks at a desk of the native module, and a Python thread of this package answers: nothing of the
library ever waits for the GIL.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol, runtime_checkable

from . import _native

__all__ = ["Credentials", "FrozenCredentials", "RefreshableCredentials", "Session"]


class FrozenCredentials(Protocol):
    """What botocore's ``get_frozen_credentials()`` gives."""

    @property
    def access_key(self) -> str:
        """The access key's id."""
        ...

    @property
    def secret_key(self) -> str:
        """Its secret."""
        ...

    @property
    def token(self) -> str | None:
        """The token of temporary credentials."""
        ...


@runtime_checkable
class RefreshableCredentials(Protocol):
    """What boto3's ``session.get_credentials()`` gives."""

    def get_frozen_credentials(self) -> Any:
        """Give credentials that are good now, as `FrozenCredentials`."""


@runtime_checkable
class Session(Protocol):
    """A ``boto3.Session``, or what has the same method."""

    def get_credentials(self) -> Any:
        """Give `RefreshableCredentials`, or ``None`` when there are none."""


Given = Mapping[str, Any] | Sequence[str | None] | Session | RefreshableCredentials
Credentials = Given | Callable[[], Given]
"""A ``boto3.Session`` or its credentials; a mapping with ``access_key_id``, ``secret_access_key`` and where there
are ones ``session_token`` and ``expires_at`` (or as STS spells them: ``AccessKeyId``, …, ``Expiration``); a tuple of
the first two or three; or a callable that gives one of these whenever they are needed anew.
"""

_SPELLINGS = {
    "AccessKeyId": "access_key_id",
    "SecretAccessKey": "secret_access_key",
    "SessionToken": "session_token",
    "Expiration": "expires_at",
}
_KEYS = frozenset(_SPELLINGS.values())

_FRESH = timedelta(minutes=5)
"""How long frozen credentials are used: botocore renews its own ten minutes ahead of their end."""


def is_lasting(credentials: Credentials) -> bool:
    """Tell whether they are plain values, which need nobody to renew them."""
    return isinstance(credentials, Mapping | tuple | list)


def keys_of(given: object) -> dict[str, Any]:
    """Write credentials as the library reads them."""
    if isinstance(given, Session):
        given = given.get_credentials()
        if given is None:
            raise LookupError("the session has no credentials")
    if isinstance(given, RefreshableCredentials):
        frozen: FrozenCredentials = given.get_frozen_credentials()
        given = {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "session_token": frozen.token,
            "expires_at": datetime.now(timezone.utc) + _FRESH,
        }
    if isinstance(given, (tuple, list)) and len(given) in {2, 3}:
        given = dict(zip(("access_key_id", "secret_access_key", "session_token"), given))
    if not isinstance(given, Mapping):
        # Never its value, which may be a secret.
        raise TypeError(f"credentials are a session, a mapping or a tuple, not {type(given).__name__}")
    keys: dict[str, Any] = {_SPELLINGS.get(str(key), str(key)): value for key, value in given.items()}
    if not {"access_key_id", "secret_access_key"} <= keys.keys() <= _KEYS:
        raise ValueError(f"credentials have the keys {', '.join(sorted(_KEYS))}, the last two where there are ones")
    if isinstance(expiry := keys.get("expires_at"), datetime):
        keys["expires_at"] = expiry.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return keys


def serve(credentials: Credentials) -> _native.CredentialsDesk:
    """Answer for credentials on a thread of their own, until nobody asks any more."""
    desk = _native.CredentialsDesk()

    def answer(question: _native.Question) -> None:
        try:
            given = credentials() if callable(credentials) else credentials
            question.answer(json.dumps(keys_of(given)))
        except Exception as error:
            question.refuse(f"credentials raised {type(error).__name__}: {error}")

    def work() -> None:
        while (question := desk.next()) is not None:
            answer(question)

    threading.Thread(target=work, name="lambda-rollout credentials", daemon=True).start()
    return desk
