"""Webhook secrets in documents, each encrypted for its workspace and owner."""

from dataclasses import asdict
from typing import Final

from shared.security.aes_gcm import AesGcmKeyRing
from shared.store.documents import Collection, Document
from shared.store.sealed_documents import SealedDocuments, read_sealed

CALLBACK: Final = "callback"
"""Owner of the secret for callback URLs; other secrets belong to subscriptions."""


def seal_secret(wake: AesGcmKeyRing, secret: str | None, *, workspace_id: str, owner: str) -> Document | None:
    """Return the encrypted secret; None if there is none. Raises Unavailable without a key."""
    return asdict(wake.seal(secret, workspace_id=workspace_id, name=_name(owner))) if secret else None


def open_secret(wake: AesGcmKeyRing, document: Document | None, *, workspace_id: str, owner: str) -> str | None:
    """Return a document's secret; None if it has none. Raises Unavailable if it cannot be decrypted."""
    stored: Document | None = document.get("secret") if document else None
    return wake.open(read_sealed(stored), workspace_id=workspace_id, name=_name(owner)) if stored else None


def sealed_secrets(collection: Collection) -> SealedDocuments:
    """Return the secrets in one collection: of callbacks, or of subscriptions."""
    return SealedDocuments(collection, "secret", _place)


def _place(document: Document) -> tuple[str, str]:
    """A callback secret is stored under its workspace's id, a subscription's under its own."""
    key = document["_id"]
    return (document["workspace_id"], _name(key)) if "workspace_id" in document else (key, _name(CALLBACK))


def _name(owner: str) -> str:
    return f"webhook/{owner}"
