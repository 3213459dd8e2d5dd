"""Which key signs: made at the very first start, never used with another journal than its own, handed over in order."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from gateway.clock import Instant
from gateway.config.plans import SigningTokenPlan
from gateway.devices.journal_store import JournalStore
from gateway.devices.key_store import KEY_FILE, KeyStore
from gateway.devices.protocols import SignerKey
from gateway.devices.token_key import TokenPlace
from gateway.errors import ConfigMistake, DeviceError, Mistake
from gateway.journal.facts import Fact, JournalBegun, KeyHandedOver, KeyMade
from gateway.journal.heads import hand_over_text
from gateway.journal.recovery import Memory
from gateway.metering.keys import PublicKey, public_key


class FactRoom(Protocol):
    """The part of the journal that a key needs."""

    def facts(self, trusted: PublicKey | None = None) -> Iterator[Fact]: ...

    async def append(self, facts: Sequence[Fact]) -> tuple[int, ...]: ...


class Keys(Protocol):
    """Where the signing key comes from. `make` is called once in the life of a journal; `adopt_next` ends
    a hand-over that the journal knows of already; `require_place` raises ConfigMistake if the key lies elsewhere than
    the config says."""

    def exists(self) -> bool: ...

    def make(self) -> SignerKey: ...

    def load(self) -> SignerKey: ...

    def adopt_next(self, public_key_hex: str) -> SignerKey | None: ...

    def require_place(self) -> None: ...


@dataclass(frozen=True, slots=True)
class KeyFolder:
    """The signing key in the state folder, or on the token that is named there. token: where the config wants it; as
    configured: it must lie where the config wants it."""

    folder: Path
    token: TokenPlace | None = None
    as_configured: bool = False

    def exists(self) -> bool:
        return KeyStore.exists(self.folder)

    def make(self) -> SignerKey:
        return KeyStore.make(self.folder, self.token)

    def load(self) -> SignerKey:
        return KeyStore.load(self.folder)

    def adopt_next(self, public_key_hex: str) -> SignerKey | None:
        return KeyStore.adopt_next(self.folder, public_key_hex)

    def follow(self) -> None:
        """Goes where the config says that the token's library and PIN file are now. Raises DeviceError."""
        if self.token is not None:
            KeyStore.follow(self.folder, self.token)

    def require_place(self) -> None:
        held = KeyStore.place(self.folder)
        if not self.as_configured or held == self.token:
            return
        problem = f"The journal is signed with {place_words(held)}, the config names {place_words(self.token)}."
        remedy = "Run laddvakt key rotate CONFIG to hand the signing over, or correct the config."
        wanted = "(missing)" if self.token is None else self.token.token
        raise ConfigMistake("config", (Mistake("signing_token", wanted, problem, remedy),))


def place_words(place: TokenPlace | None) -> str:
    """Where a key lies, for people."""
    return "a key file" if place is None else f"key {place.label} on token {place.token}"


def token_place(plan: SigningTokenPlan | None) -> TokenPlace | None:
    """The token that the config names."""
    return None if plan is None else TokenPlace(plan.module, plan.token, plan.pin_file, plan.label)


def gateway_serial(public_key_hex: str) -> str:
    """GS: the first 16 hex digits of the key's fingerprint, so that another key is another serial."""
    return sha256(bytes.fromhex(public_key_hex)).hexdigest()[:16].upper()


def remembered(store: FactRoom, keys: Keys) -> Memory:
    """What the journal's facts add up to, from the newest saved memory that the key vouches for."""
    memory = Memory()
    for fact in store.facts(public_key(keys.load().public_key_hex) if keys.exists() else None):
        memory.absorb(fact)
    return memory


async def key_of(memory: Memory, store: FactRoom, keys: Keys, now: Instant) -> SignerKey:
    """The key that the journal's pages are counted for. A journal's first row stands before its key is made, so a key
    without rows, or pages without their key, means that one of the two was lost."""

    async def append(fact: Fact) -> None:
        await store.append([fact])
        memory.absorb(fact)

    if not memory.journal_begun:
        if keys.exists():
            raise _torn("There is a signing key but an empty journal: its page numbers would be used again.")
        await append(JournalBegun(now))
    if memory.keys and not keys.exists():
        raise _torn("The journal's signing key is gone.")
    key = keys.load() if keys.exists() else keys.make()
    if not memory.keys:
        await append(KeyMade(now, key.public_key_hex, gateway_serial(key.public_key_hex)))
    elif key.public_key_hex != memory.newest_key:
        adopted = keys.adopt_next(memory.newest_key or "")
        if adopted is None:
            raise _torn("The signing key is not the one that the journal was signed with.")
        key = adopted
    keys.require_place()
    return key


async def hand_over(folder: Path, now: Instant, token: TokenPlace | None = None) -> KeyHandedOver:
    """Replaces the signing key of a state folder whose daemon is stopped; the key before is gone when this returns.

    The new key is on the disk before the journal knows of it, and takes the old one's place after: a death between is
    mended at the next start. token: where the new key is made; None: in the folder. Raises DeviceError (also if the
    daemon runs, or a session is open), ConfigMistake, JournalDamaged.
    """
    store = await asyncio.to_thread(JournalStore.open, folder)
    try:
        keys = KeyFolder(folder, token)
        keys.follow()
        memory = await asyncio.to_thread(remembered, store, keys)
        if memory.newest_key is None:
            raise DeviceError(f"{folder}: there is no key yet; it is made when the gateway starts for the first time")
        before = await key_of(memory, store, keys, now)
        if memory.open or memory.unsigned:
            raise DeviceError("a session is open; start the gateway, stop it in order, then try again")
        after = KeyStore.make_next(folder, token)
        page, serial = memory.sequence(before.public_key_hex).page, gateway_serial(after.public_key_hex)
        text = hand_over_text(before.public_key_hex, page, after.public_key_hex, serial)
        signatures = [key.sign(text).hex().upper() for key in (before, after)]
        fact = KeyHandedOver(now, before.public_key_hex, page, after.public_key_hex, serial, *signatures)
        memory.absorb(fact)
        await store.append([fact])
        keys.adopt_next(after.public_key_hex)
    finally:
        await store.close()
    return fact


def _torn(problem: str) -> ConfigMistake:
    remedy = "Put the right file back, or move both away to begin a new journal with a new key; keep the old ones."
    return ConfigMistake("state folder", (Mistake("gateway.state_dir", KEY_FILE, problem, remedy),))
