"""What lies in the state folder in place of a key that is on a token: where it is, and which of the token's it is."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from gateway.devices.token_key import TokenPlace

FORM = 1


@dataclass(frozen=True, slots=True)
class KeyReference:
    """key_id: CKA_ID of the pair; public_key: SubjectPublicKeyInfo DER in upper-case hex."""

    place: TokenPlace
    key_id: bytes
    public_key: str

    @property
    def text(self) -> bytes:
        """As JSON, which no PEM file begins like."""
        place = {name: str(value) for name, value in asdict(self.place).items()}
        said = {"token_key": FORM, **place, "id": self.key_id.hex(), "public_key": self.public_key}
        return json.dumps(said, indent=1).encode("utf-8")

    @classmethod
    def of(cls, text: bytes) -> Self | None:
        """None if the text is no reference but, perhaps, a key. Raises ValueError if it is a broken one."""
        if not text.lstrip().startswith(b"{"):
            return None
        try:
            said = json.loads(text)
            if said["token_key"] != FORM:
                raise ValueError(f"form {said['token_key']}")
            place = TokenPlace(Path(said["module"]), said["token"], Path(said["pin_file"]), said["label"])
            return cls(place, bytes.fromhex(said["id"]), said["public_key"])
        except (KeyError, TypeError) as problem:
            raise ValueError(f"broken: {problem}") from None

    def moved(self, to: TokenPlace) -> Self:
        """The same key on the same token, whose library or PIN file now lies elsewhere; itself if it is another."""
        is_same = (self.place.token, self.place.label) == (to.token, to.label)
        return replace(self, place=to) if is_same else self
