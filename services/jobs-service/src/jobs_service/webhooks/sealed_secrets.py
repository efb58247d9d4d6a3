"""Secrets of webhooks as they lie in documents, each sealed for its workspace and its owner there."""

from dataclasses import asdict
from typing import Final

from shared.security.aes_gcm import AesGcmKeyRing
from shared.store.documents import Collection, Document
from shared.store.sealed_documents import SealedDocuments, sealed_in

CALLBACK: Final = "callback"
"""Owns the secret for addresses that calls name; the others belong to subscriptions."""


def seal_secret(ring: AesGcmKeyRing, secret: str | None, *, workspace_id: str, owner: str) -> Document | None:
    """As it is stored; None where there is none. Raises Unavailable when there is no key."""
    return asdict(ring.seal(secret, workspace_id=workspace_id, name=_name(owner))) if secret else None


def open_secret(ring: AesGcmKeyRing, document: Document | None, *, workspace_id: str, owner: str) -> str | None:
    """The secret of a document; None where it has none. Raises Unavailable when it cannot be opened."""
    stored: Document | None = document.get("secret") if document else None
    return ring.open(sealed_in(stored), workspace_id=workspace_id, name=_name(owner)) if stored else None


def sealed_secrets(collection: Collection) -> SealedDocuments:
    """The secrets in one collection: of callbacks, or of subscriptions."""
    return SealedDocuments(collection, "secret", _place)


def _place(document: Document) -> tuple[str, str]:
    """A callbacks' secret is kept under its workspace's id, a subscription's under its own."""
    key = document["_id"]
    return (document["workspace_id"], _name(key)) if "workspace_id" in document else (key, _name(CALLBACK))


def _name(owner: str) -> str:
    return f"webhook/{owner}"
