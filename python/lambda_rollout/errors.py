"""The exceptions: one base, each also of the nearest built-in.

A failed canary is no exception but an :class:`~lambda_rollout.Outcome`; :class:`RolloutFailed` is for those who
ask for one with :meth:`~lambda_rollout.Outcome.raise_for_failure`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .outcome import Outcome

__all__ = [
    "AccessDeniedError",
    "ConfigError",
    "ConflictError",
    "ForkedError",
    "InternalError",
    "JournalError",
    "NotFoundError",
    "PlanError",
    "Problem",
    "RejectedError",
    "RolloutError",
    "RolloutFailed",
    "ThrottledError",
    "UnreachableError",
    "WaitTimeout",
    "WrongStateError",
]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a plan.

    Attributes
    ----------
    path : str
        Where, such as ``strategy.percent``; empty for the document as a whole.
    line : int or None
        The line, from 1, where the format has lines.
    wrong : str
        What is wrong.
    right : str
        What would be right.
    """

    path: str
    line: int | None
    wrong: str
    right: str


class RolloutError(Exception):
    """The base of all exceptions of this package.

    Attributes
    ----------
    message : str
        What went wrong, in one line for each thing. Its words may change; `code` does not.
    code : str
        What kind of thing, as in the Rust and C libraries: ``"plan"``, ``"throttled"`` and so on.
    retryable : bool
        Whether the same call may succeed later without anybody mending anything.
    advice : str
        What to do.
    operation, aws_code, request_id : str or None
        What AWS said, when AWS was asked.
    """

    code = "error"
    retryable = False
    advice = ""
    operation: str | None = None
    aws_code: str | None = None
    request_id: str | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        """Give the message, with AWS's operation and code where AWS was asked."""
        if self.operation is None:
            return self.message
        said = [
            f"`{self.aws_code}`" if self.aws_code else "",
            f"request `{self.request_id}`" if self.request_id else "",
        ]
        said = [part for part in said if part]
        return f"{self.operation}: {self.message}" + (f" ({', '.join(said)})" if said else "")


class PlanError(RolloutError, ValueError):
    """The plan, or an argument, is wrong. Nothing was called.

    Attributes
    ----------
    problems : tuple of Problem
        Everything that is wrong in the plan; empty when it is about an argument.
    """

    code = "plan"
    problems: tuple[Problem, ...] = ()


class ConfigError(RolloutError, OSError):
    """AWS could not be called as configured: no Region, no credentials, or expired ones."""

    code = "config"


class AccessDeniedError(RolloutError, PermissionError):
    """AWS refused for want of a permission."""

    code = "access_denied"


class NotFoundError(RolloutError, LookupError):
    """A function, version or alias does not exist."""

    code = "not_found"


class ConflictError(RolloutError, RuntimeError):
    """Another hand changed the same thing, or is changing it now."""

    code = "conflict"


class ThrottledError(RolloutError, RuntimeError):
    """AWS asked for fewer calls."""

    code = "throttled"


class UnreachableError(RolloutError, ConnectionError):
    """No answer, or a server fault: whether the call took effect is unknown."""

    code = "unreachable"


class RejectedError(RolloutError, ValueError):
    """AWS understood the call and said no."""

    code = "rejected"


class JournalError(RolloutError, OSError):
    """The journal cannot be used: another runner has it, it is of another plan, or it cannot be written."""

    code = "journal"


class WrongStateError(RolloutError, RuntimeError):
    """The call does not fit what the rollout is doing now."""

    code = "wrong_state"


class ForkedError(RolloutError, RuntimeError):
    """The process was forked after the library had started its threads, and this is the child.

    Use ``multiprocessing.get_context("spawn")``, or fork before the first rollout.
    """

    code = "forked"


class InternalError(RolloutError, RuntimeError):
    """A fault of this library. Please report it with the message."""

    code = "internal"


class WaitTimeout(RolloutError, TimeoutError):
    """The end did not come within the time given to ``wait``. The rollout runs on."""

    code = "wait_timeout"


class RolloutFailed(RolloutError, RuntimeError):
    """The canary version does not serve; raised by ``Outcome.raise_for_failure``.

    Attributes
    ----------
    outcome : Outcome
        The end.
    """

    code = "failed"
    outcome: Outcome


_BY_CODE: dict[str, type[RolloutError]] = {
    error.code: error
    for error in (
        PlanError,
        ConfigError,
        AccessDeniedError,
        NotFoundError,
        ConflictError,
        ThrottledError,
        UnreachableError,
        RejectedError,
        JournalError,
        WrongStateError,
        ForkedError,
        InternalError,
    )
}


def _of_native(
    code: str,
    message: str,
    retryable: bool,
    advice: str,
    aws: tuple[str, str | None, str | None] | None,
    problems: Sequence[tuple[str, int | None, str, str]],
) -> RolloutError:
    """Make an exception of an error of the Rust library, which calls this."""
    error = _BY_CODE.get(code, InternalError)(message)
    error.retryable = retryable
    error.advice = advice
    if aws is not None:
        error.operation, error.aws_code, error.request_id = aws
    if isinstance(error, PlanError):
        error.problems = tuple(Problem(*problem) for problem in problems)
    return error


def _of_report(report: dict[str, Any]) -> str:
    """Say an error that stands in an event in one line."""
    error = RolloutError(report["message"])
    error.operation, error.aws_code = report.get("operation"), report.get("code")
    error.request_id = report.get("request_id")
    return str(error)
