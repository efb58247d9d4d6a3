"""Accounts, sessions and sign-in attempts in the gateway's database."""

from datetime import datetime
from typing import Final

from pymongo.errors import DuplicateKeyError

from gateway.access.domain.accounts import Account, User
from gateway.access.domain.sessions import Session
from shared.errors import Conflict
from shared.store.client import Document, Store, store_call
from shared.store.documents import document_of, struct_of
from shared.store.indexes import Index, ascending

USERS: Final = "users"
SESSIONS: Final = "sessions"
ATTEMPTS: Final = "sign_in_attempts"

INDEXES: Final = (
    Index(USERS, ascending("email"), unique=True),
    Index(SESSIONS, ascending("user_id")),
    Index(SESSIONS, ascending("id")),
    Index(SESSIONS, ascending("expires_at"), expire_after_seconds=0),
    Index(ATTEMPTS, ascending("expires_at"), expire_after_seconds=0),
)


class AccountStore:
    """Implements Accounts."""

    def __init__(self, store: Store) -> None:
        self._users = store.collection(USERS)
        self._sessions = store.collection(SESSIONS)
        self._attempts = store.collection(ATTEMPTS)

    @store_call
    async def add_account(self, account: Account) -> None:
        user = account.user
        try:
            await self._users.insert_one({**document_of(user), "password_hash": account.password_hash})
        except DuplicateKeyError:
            raise Conflict("An account with this email address already exists") from None

    @store_call
    async def account_by_email(self, email: str) -> Account | None:
        document = await self._users.find_one({"email": email})
        return None if document is None else _account(document)

    @store_call
    async def account(self, user_id: str) -> Account | None:
        document = await self._users.find_one({"_id": user_id})
        return None if document is None else _account(document)

    @store_call
    async def users(self, user_ids: list[str]) -> list[User]:
        found = self._users.find({"_id": {"$in": user_ids}}, {"password_hash": 0})
        return [_account(document).user async for document in found]

    @store_call
    async def set_password(self, user_id: str, password_hash: str, *, only_if_none: bool = False) -> bool:
        query = {"_id": user_id, **({"password_hash": None} if only_if_none else {})}
        result = await self._users.update_one(query, {"$set": {"password_hash": password_hash}})
        return result.matched_count == 1

    @store_call
    async def add_session(self, session: Session) -> None:
        await self._sessions.insert_one(document_of(session, key="token_hash"))

    @store_call
    async def session(self, token_hash: str) -> Session | None:
        document = await self._sessions.find_one({"_id": token_hash})
        return None if document is None else struct_of(document, Session, key="token_hash")

    @store_call
    async def session_with_id(self, session_id: str) -> Session | None:
        document = await self._sessions.find_one({"id": session_id}, sort=[("expires_at", -1)])
        return None if document is None else struct_of(document, Session, key="token_hash")

    @store_call
    async def rotate_session(self, old_hash: str, renewed: Session, *, old_until: datetime) -> bool:
        held = {"_id": old_hash, "is_rotated": {"$ne": True}}
        # Insert the renewed session first: a concurrent end of all sessions then finds it, or leaves no old one to
        # mark.
        await self._sessions.insert_one(document_of(renewed, key="token_hash"))
        result = await self._sessions.update_one(held, {"$set": {"is_rotated": True, "expires_at": old_until}})
        if result.matched_count == 0:
            await self._sessions.delete_one({"_id": renewed.token_hash})
        return result.matched_count == 1

    async def end_session(self, session_id: str) -> list[str]:
        return await self._end({"id": session_id})

    async def end_sessions(self, user_id: str, *, but: str | None = None) -> list[str]:
        return await self._end({"user_id": user_id, "id": {"$ne": but}})

    @store_call
    async def count_attempt(self, key: str, *, window_ends: datetime, by: int = 1) -> int:
        counted = {"$inc": {"count": by}, "$setOnInsert": {"expires_at": window_ends}}
        await self._attempts.update_one({"_id": key}, counted, upsert=True)
        document = await self._attempts.find_one({"_id": key})
        return int(document["count"]) if document else by

    @store_call
    async def forget_attempts(self, key: str) -> None:
        await self._attempts.delete_one({"_id": key})

    @store_call
    async def _end(self, which: Document) -> list[str]:
        hashes = [str(document["_id"]) async for document in self._sessions.find(which, {"_id": 1})]
        await self._sessions.delete_many(which)
        return hashes


def _account(document: Document) -> Account:
    return Account(user=struct_of(document, User), password_hash=document.get("password_hash"))
