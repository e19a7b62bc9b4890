"""The models of a multi-model endpoint: a table by name, and a process for each (MME-01 to MME-07)."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Dict, List, Optional, Sequence, Set, Tuple

from byoc_serving import machine, wire
from byoc_serving.child import NO_MEMORY, Child, refuse_links
from byoc_serving.errors import RequestError
from byoc_serving.log import say
from byoc_serving.replies import Receive, Scope, Send

UNLOAD_SECONDS = 25  # for requests in flight when their model is unloaded
RESERVE = 0.05  # the part of the memory that is kept free, for predictions
NAP = 0.02  # seconds between looks at requests in flight
STARTER = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir, "model.py")


class Model:
    """What is known of one model."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        """An opaque id (MME-06)."""
        self.url = url
        """The folder with its files."""
        self.loaded = False
        self.child: Optional[Child] = None
        self.held = 0
        """Requests in flight."""
        self.changing = asyncio.Lock()
        """Held by whoever starts or ends the process."""

    def told(self) -> Dict[str, str]:
        """The model as answers have it (MME-02, MME-03)."""
        return {"modelName": self.name, "modelUrl": self.url}


class Models:
    """Loads, finds, asks and unloads. What goes wrong is a RequestError with the status for the service."""

    def __init__(self, arguments: Sequence[str], folder: str) -> None:
        self._arguments = arguments
        """The server's own, which each process gets, too."""
        self._folder = folder
        self._models: Dict[str, Model] = {}
        self._children: Set[Child] = set()

    async def load(self, name: str, url: str) -> Model:
        """Load a model; it is ready when this returns. 409: it is there or on its way; 507: no memory."""
        if name in self._models:
            raise RequestError(409, "the model {} is loaded already".format(name))
        model = self._models[name] = Model(name, url)
        async with model.changing:
            await self._start(model)
        return model

    def find(self, name: str) -> Model:
        """A model that is loaded, or 404."""
        model = self._models.get(name)
        if model is None or not model.loaded:
            raise RequestError(404, "the model {} is not loaded".format(name))
        return model

    def page(self, after: str, most: int) -> Tuple[List[Model], str]:
        """*most* loaded models that come after the name *after*, and the name to go on after, if any."""
        names = sorted(name for name, model in self._models.items() if model.loaded and name > after)
        models = [self._models[name] for name in names[:most]]
        return models, names[most - 1] if len(names) > most else ""

    async def unload(self, name: str) -> Model:
        """Forget a model at once, let its requests in flight end, and free its memory."""
        model = self._models.get(name)
        if model is None:
            raise RequestError(404, "the model {} is not loaded".format(name))
        self._forget(model)
        if not model.loaded and model.child is not None:
            model.child.kill()
        end = time.monotonic() + UNLOAD_SECONDS
        while model.held and time.monotonic() < end:
            await asyncio.sleep(NAP)
        async with model.changing:
            await self._end(model)
        return model

    async def ask(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the model answer a request. If its process has ended since it was loaded, start another."""
        model = self.find(name)
        model.held += 1
        try:
            child, connection = await self._connected(model)
            try:
                await wire.ask(connection, dict(scope, path="/invocations"), receive, send)
            except wire.LostError as lost:
                if lost.begun:  # a connection cut short is all that can be said
                    return
                if self._models.get(name) is not model:
                    raise RequestError(503, "the model was unloaded while it answered") from lost
                raise await child.why_lost("while it answered") from lost
        finally:
            model.held -= 1

    def stop_loading(self) -> None:
        """Have loads in progress fail: the server is about to end."""
        for model in [model for model in self._models.values() if not model.loaded]:
            self._forget(model)
            if model.child is not None:
                model.child.kill()

    async def close(self) -> None:
        """End all processes."""
        await asyncio.gather(*(child.end() for child in self._children))

    async def _connected(self, model: Model) -> Tuple[Child, wire.Connection]:
        async with model.changing:
            if self._models.get(model.name) is not model:
                raise RequestError(404, "the model {} is not loaded".format(model.name))
            assert model.child is not None
            if not model.child.ended.done():
                try:
                    return model.child, await wire.connect(model.child.path)
                except OSError:  # it takes no more requests: it is about to end
                    pass
            await self._end(model)
            await self._start(model)
            return model.child, await wire.connect(model.child.path)

    async def _start(self, model: Model) -> None:
        begun = time.monotonic()
        try:
            await asyncio.get_running_loop().run_in_executor(None, refuse_links, model.url)
            self._refuse_if_full()
            model.child = await Child.start(self._command(model), self._folder)
            self._children.add(model.child)
            await model.child.loaded()
            self._refuse_if_full()
        except BaseException as error:
            unwanted = self._models.get(model.name) is not model
            self._forget(model)
            await self._end(model)
            if unwanted:
                raise RequestError(503, "the model was unloaded while it loaded") from error
            raise
        model.loaded = True
        model.child.ended.add_done_callback(lambda _: self._note_end(model))
        text = "model {} loaded in {:.2f} s with {:.0f} MB of memory"
        say(text.format(model.name, time.monotonic() - begun, model.child.memory / 1e6))

    def _command(self, model: Model) -> List[str]:
        own = ["--model-dir=" + model.url, "--name=" + model.name]
        return [sys.executable, os.path.normpath(STARTER), *self._arguments, *own]

    def _refuse_if_full(self) -> None:
        free, total = machine.free_memory()
        if free < total * RESERVE:
            text = "{:.0f} of {:.0f} MB of memory are free: too little for one more model"
            raise RequestError(NO_MEMORY, text.format(free / 1e6, total / 1e6))

    async def _end(self, model: Model) -> None:
        if model.child is not None:
            self._children.discard(model.child)
            await model.child.end()

    def _forget(self, model: Model) -> None:
        if self._models.get(model.name) is model:
            del self._models[model.name]

    def _note_end(self, model: Model) -> None:
        if self._models.get(model.name) is model:
            say("the process of model {} ended; its next request starts another".format(model.name))
