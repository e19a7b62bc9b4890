"""The optional last argument of the user's functions, with the names of multi-model-server's context."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, Mapping, Optional, Tuple


class Headers(Mapping[str, str]):
    """Request headers, found whatever the case of their names."""

    def __init__(self, raw: Iterable[Tuple[bytes, bytes]] = ()) -> None:
        self._values = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Context:
    """What a function may ask about its request, and say about the answer.

    Functions that are written for multi-model-server pass the index of the request in its batch, which is
    always 0 here: a batch of one is all there is.
    """

    def __init__(
        self, model_dir: str, raw_headers: Iterable[Tuple[bytes, bytes]] = (), name: str = "model"
    ) -> None:
        self.model_name = name
        self.manifest: Optional[Mapping[str, Any]] = None
        self.system_properties: Dict[str, Any] = {"model_dir": model_dir, "gpu_id": None, "batch_size": 1}
        self.response_headers: Dict[str, str] = {}
        self.response_status: Optional[int] = None
        self._raw = raw_headers
        self._headers: Optional[Headers] = None

    @property
    def request_headers(self) -> Headers:
        """The request's headers, e.g. ``X-Amzn-SageMaker-Custom-Attributes`` (INF-12)."""
        if self._headers is None:
            self._headers = Headers(self._raw)
        return self._headers

    def get_request_header(self, idx: int, key: str) -> Optional[str]:
        """One header of the request, or None."""
        return self.request_headers.get(key)

    def get_all_request_header(self, idx: int) -> Headers:
        """All headers of the request."""
        return self.request_headers

    def get_request_id(self, idx: int = 0) -> Optional[str]:
        """The client's own id for this request (X-Amzn-SageMaker-Inference-Id), or None."""
        return self.request_headers.get("X-Amzn-SageMaker-Inference-Id")

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        """Add a header to the answer."""
        self.response_headers[key] = value

    def get_response_headers(self, idx: int) -> Dict[str, str]:
        """The headers set so far."""
        return self.response_headers

    def set_response_content_type(self, idx: int, value: str) -> None:
        """Say what the answer is; wins over what was negotiated."""
        self.response_headers["content-type"] = value

    def get_response_content_type(self, idx: int) -> Optional[str]:
        """What was set, or None."""
        return self.response_headers.get("content-type")

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        """Answer with another status. The phrase is multi-model-server's; clients never see it."""
        self.response_status = code

    def set_all_response_status(self, code: int = 200, phrase: str = "") -> None:
        """The same; a batch has one request."""
        self.response_status = code
