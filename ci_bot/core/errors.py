"""Every exception that ci-bot raises on purpose.

::

    CiBotError                  its text is one line for the person who must act
    ├── SettingsError           the operator's settings; `problems` lists all of them
    ├── DeliveryRefused         a webhook that is not let in; `status` is the HTTP answer
    │   ├── SignatureRefused      401: unsigned, wrongly signed
    │   └── BadDelivery           400: signed, but not what its event name says
    ├── ForgeError              the forge said no, or could not be reached
    │   ├── ForgeBusy             it asks to be left alone for `seconds`
    │   ├── FileTooLarge          it does not give out a file of that size
    │   └── ForgeDenied           our credentials may not do this
    ├── RegistrationRefused     an answer of the forge that belongs to no set-up begun here
    ├── StoreError              the database
    │   ├── AnotherServer         it is another server's: this one must not work on it
    │   ├── PackDamaged           kept files that the disk does not give back as they were
    │   ├── UnreadableRun         one run was stored by another version, or is damaged
    │   └── LeaseLost             another process holds this job now: stop writing
    ├── PackRefused             files that cannot be kept or brought: too many, too large, gone
    ├── WorkspaceError          git could not bring the commit
    ├── EngineError             the container engine broke: an infrastructure failure of the job
    │   └── EngineGone            it cannot be reached at all
    ├── NoticeFailed            a notification did not get through
    │   └── NoticeUncertain       or perhaps it did: it is not sent again
    ├── KeyReused               a request of the API has the Idempotency-Key of another one
    ├── TrustLost               who vouched for a commit may not do so any more: it waits for approval again
    ├── CheckoutRefused         the commit can never be checked out as .ci.yaml asks: the job fails
    ├── StepRefused             this step can never run as written (image missing, no shell): the job fails
    └── SecretRefused           this step does not get a secret that it names: the job fails

A step that merely fails is a result (`core.model.Exit`), never an exception.
"""

from __future__ import annotations

from collections.abc import Sequence


class CiBotError(Exception):
    """Root of the tree. ``str(error)`` is one line in words for the person who must act."""


class SettingsError(CiBotError):
    """The settings cannot be used; `problems` names each one with its place and remedy."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class DeliveryRefused(CiBotError):
    """A webhook that is answered with `status` and not stored."""

    status = 400


class SignatureRefused(DeliveryRefused):
    """No signature, or not ours."""

    status = 401


class BadDelivery(DeliveryRefused):
    """Signed, but the body does not have the shape its event name promises."""


class ForgeError(CiBotError):
    """The forge answered with an error or not at all; `status` is its HTTP status, 0 for none."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class ForgeBusy(ForgeError):
    """Nothing may be asked of this forge for the next `seconds`."""

    def __init__(self, message: str, seconds: float, status: int = 429) -> None:
        super().__init__(message, status)
        self.seconds = seconds


class ForgeDenied(ForgeError):
    """The App's permissions do not cover this, or its installation is gone."""


class FileTooLarge(ForgeError):
    """The forge does not give out a file of `length` bytes."""

    def __init__(self, path: str, length: int) -> None:
        super().__init__(f"{path} is too large to be read ({length} bytes)")
        self.length = length


class RegistrationRefused(CiBotError):
    """What came back from the forge is not the answer to a set-up that was begun here."""


class StoreError(CiBotError):
    """The database is unreachable, locked, full or damaged."""


class AnotherServer(StoreError):
    """The database is another server's."""


class PackDamaged(StoreError):
    """What is kept under an id is not what was put there."""


class UnreadableRun(StoreError):
    """What is stored of the run `run_id` cannot be read by this version; the others can."""

    def __init__(self, run_id: str, why: str) -> None:
        super().__init__(f"run {run_id} cannot be read by this version of ci-bot: {why}")
        self.run_id = run_id


class LeaseLost(StoreError):
    """Another process holds the job: nothing more may be written about it from here."""


class PackRefused(CiBotError):
    """Files cannot be kept, or be brought back; the text says why, after "artifacts: " or "cache: "."""


class WorkspaceError(CiBotError):
    """git could not bring the commit under test; `is_passing` where it is worth waiting for.

    `is_lasting` where a new attempt would fail just so.
    """

    is_passing = False
    is_lasting = False


class EngineError(CiBotError):
    """The container engine failed: the job ends as an infrastructure failure, not as the author's."""


class EngineGone(EngineError):
    """The engine does not answer."""


class NoticeFailed(CiBotError):
    """A service did not take a notification; the text holds no part of its address that is secret."""


class NoticeUncertain(NoticeFailed):
    """Nobody knows whether the service took it: sent again, it might be there twice."""


class KeyReused(CiBotError):
    """An Idempotency-Key came back with something else to do."""


class TrustLost(CiBotError):
    """A run rests on somebody's word who may not give it any more; the text names them."""


class CheckoutRefused(CiBotError):
    """The commit cannot be checked out as `.ci.yaml` asks; the text names what to change."""


class StepRefused(CiBotError):
    """The step cannot run as it is written; the text names what to change."""


class SecretRefused(CiBotError):
    """A secret is not given to this step; the text says why and what to do."""
