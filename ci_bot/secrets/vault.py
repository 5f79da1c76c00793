"""What steps ask for in, values of secrets out, each use on record; the rules are `core.secret_rules`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ci_bot.core.decisions import AuditLine
from ci_bot.core.errors import SecretRefused
from ci_bot.core.model import JobRun, Run
from ci_bot.core.planned import SecretRef, Step
from ci_bot.core.sealed import SealBroken, Sealed, parse_sealed
from ci_bot.core.secret_rules import (
    SecretLimits,
    StoredSecret,
    refusal_of_run,
    refusal_of_use,
    scopes_of,
)
from ci_bot.core.trust import Voucher
from ci_bot.ports import Audit, Secrets
from ci_bot.secrets.keys import Keyring
from ci_bot.secrets.rest import Encrypted, RestKeys
from ci_bot.secrets.sealing import unseal


class OpenVault:
    """Implements `ports.Vault`.

    The key files are read at each use, so that a key that was rotated counts at once. `on_value` is
    told every value before anybody gets it: it must never be shown.
    """

    def __init__(
        self,
        secrets: Secrets,
        audit: Audit,
        sealing: Callable[[], Keyring],
        rest: Callable[[], RestKeys],
        on_value: Callable[[bytes], None],
    ) -> None:
        self._secrets = secrets
        self._audit = audit
        self._sealing = sealing
        self._rest = rest
        self._on_value = on_value

    async def open(self, run: Run, job: JobRun, step: Step) -> Mapping[str, str]:
        if not step.secrets:
            return {}
        _refuse(refusal_of_run(run, locked=await self._secrets.is_locked(run.repo.key)))
        stored = await self._stored(run, step.secrets)
        values = {ref.variable: self._value(ref, stored, run, step) for ref in step.secrets}
        await self._audit.write([_line(ref, run, job, step) for ref in step.secrets])
        return values

    async def values(self, run: Run) -> Sequence[bytes]:
        """What no key opens any more can be given to nobody; `open` says so where it is asked for."""
        refs = _refs(run)
        if not refs:
            return ()
        names = [ref.name for ref in refs if not ref.sealed]
        stored = await self._secrets.every(scopes_of(run.repo), names)
        keys = self._rest()
        found = [self._decrypted(secret) for secret in stored if keys.can_decrypt(_encrypted(secret))]
        return tuple(dict.fromkeys([*found, *self._unsealed_if_possible(refs, run)]))

    async def _stored(self, run: Run, refs: Sequence[SecretRef]) -> Mapping[str, StoredSecret]:
        """By name; the repository's own before its organisation's."""
        own, shared = scopes_of(run.repo)
        names = [ref.name for ref in refs if not ref.sealed]
        found = await self._secrets.current((own, shared), names)
        return {secret.name: secret for secret in sorted(found, key=lambda each: each.scope == own)}

    def _value(self, ref: SecretRef, stored: Mapping[str, StoredSecret], run: Run, step: Step) -> str:
        value = self._unsealed(ref, run, step) if ref.sealed else self._opened(ref, stored, run, step)
        self._on_value(value)
        try:
            return value.decode()
        except UnicodeDecodeError:
            message = (
                f"secret {ref.name} is not UTF-8 text, so no variable can hold it; store it in base64"
            )
            raise SecretRefused(message) from None

    def _opened(
        self, ref: SecretRef, stored: Mapping[str, StoredSecret], run: Run, step: Step
    ) -> bytes:
        secret = stored.get(ref.name)
        if secret is None:
            how = f"ci-bot secret set {ref.name} --repo {run.repo.name}"
            raise SecretRefused(
                f"there is no secret {ref.name} for this repository; on the server: {how}"
            )
        _refuse(refusal_of_use(ref, secret.limits, run, step))
        return self._decrypted(secret)

    def _unsealed(self, ref: SecretRef, run: Run, step: Step) -> bytes:
        sealed = _parsed(ref)
        limits = SecretLimits(sealed.header.events, sealed.header.branches)
        _refuse(refusal_of_use(ref, limits, run, step))
        repo = run.repo
        return unseal(sealed, self._sealing(), forge=repo.forge, repo_id=repo.id, name=ref.variable)

    def _unsealed_if_possible(self, refs: Sequence[SecretRef], run: Run) -> list[bytes]:
        """A seal that does not open was given to nobody, so there is nothing to mask."""
        found = []
        for ref in refs:
            if not ref.sealed:
                continue
            try:
                sealed = _parsed(ref)
                where = {"forge": run.repo.forge, "repo_id": run.repo.id, "name": ref.variable}
                found.append(unseal(sealed, self._sealing(), **where))  # type: ignore[arg-type]
            except SecretRefused:
                continue
        return found

    def _decrypted(self, secret: StoredSecret) -> bytes:
        return self._rest().decrypt(_encrypted(secret), secret.identity)


def _encrypted(secret: StoredSecret) -> Encrypted:
    return Encrypted(secret.key_id, secret.value)


def _parsed(ref: SecretRef) -> Sealed:
    """A plan that another version stored may hold what this one cannot read."""
    try:
        return parse_sealed(ref.sealed)
    except SealBroken as error:
        raise SecretRefused(f"secret {ref.name}: {error}") from None


def _refuse(why: str) -> None:
    if why:
        raise SecretRefused(why)


def _refs(run: Run) -> tuple[SecretRef, ...]:
    steps = [step for job in (run.plan.jobs if run.plan else ()) for step in job.steps]
    return tuple(dict.fromkeys(ref for step in steps for ref in step.secrets))


def _line(ref: SecretRef, run: Run, job: JobRun, step: Step) -> AuditLine:
    """Of those who vouched for the run, the one whose word let it in."""
    voucher = _vouching(run)
    return AuditLine(
        action="secret",
        actor=voucher.actor,
        permission=voucher.permission,
        repo_key=run.repo.key,
        sha=run.sha,
        run=run.id,
        job=job.key,
        step=step.name,
        name=ref.name,
        detail=f"{voucher.role}, {'sealed' if ref.sealed else 'stored'}, attempt {job.attempt}",
    )


def _vouching(run: Run) -> Voucher:
    return next(voucher for voucher in reversed(run.vouchers) if voucher.holds)
