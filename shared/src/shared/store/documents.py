"""What a store holds."""

from typing import Any

from pymongo.asynchronous.collection import AsyncCollection

Document = dict[str, Any]
Collection = AsyncCollection[Document]
