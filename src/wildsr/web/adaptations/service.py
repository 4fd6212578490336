"""Accepts, runs and removes adaptations, one after the other."""

import secrets
import time
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from starlette.requests import Request

from wildsr.adapt.request import FEWEST_PHOTOS
from wildsr.storage.atomic import replacing
from wildsr.web.adaptations.record import (
    AdaptationChanges,
    AdaptationOptions,
    AdaptationRecord,
    AdaptationView,
    parse_adaptation_options,
    view_of,
)
from wildsr.web.adaptations.runner import Runner
from wildsr.web.adaptations.store import AdaptationStore
from wildsr.web.adaptations.uploads import ReceivedFile, ReceivedPhotos, receive_photos
from wildsr.web.events import Hub
from wildsr.web.jobs import ENDED
from wildsr.web.options import models, settled_name
from wildsr.web.problems import Problem, reported
from wildsr.web.settings import Settings
from wildsr.web.uploads import Receiver
from wildsr.zoo.catalogue import ALIASES, EMBEDDED, PUBLISHED, models_folder, user_models

CheckImage = Callable[[Path, str], Awaitable[Any]]
_TRAINING = ("lightning", "yaml", "lmdb")
_MOST_BROKEN = 20
"""Photos of one request that may fail to be read one after the other before the request is refused."""


class Adaptations:
    """All adaptations of a service.

    One runs at a time, in a process of its own at low priority, beside the workers that upscale: neither waits for the
    other, and where cores are few, upscaling gets them first.
    """

    def __init__(
        self, settings: Settings, store: AdaptationStore, hub: Hub, receiver: Receiver, check: CheckImage
    ) -> None:
        self.settings, self.store = settings, store
        self._hub, self._receiver, self._check = hub, receiver, check
        self.runner = Runner(settings, store, self._changed, self._progressed)

    # Requests

    def get(self, name: str) -> AdaptationRecord:
        """The adaptation of an id. Raises a 404 Problem."""
        record = self.store.get(name)
        if record is None:
            raise Problem(404, "no-such-adaptation", "There is no such adaptation; it may have expired.")
        return record

    def view(self, record: AdaptationRecord) -> AdaptationView:
        """The representation of an adaptation in the API."""
        return view_of(record, self.settings.keep, self.runner.position(record))

    def views(self) -> list[AdaptationView]:
        """All adaptations, oldest first."""
        return [self.view(record) for record in self.store]

    async def receive(self, request: Request, client: str, key: str | None) -> tuple[AdaptationRecord, bool]:
        """Create an adaptation from a request; the flag says whether it existed already under the same key.

        Raises:
            Problem: as :func:`receive_photos`, and 422 for wrong options or too few photos, 429 for a full queue.
        """
        if not can_adapt():
            raise Problem(
                409,
                "no-training",
                "This installation cannot train: pip install 'wildsr[train]', then start again.",
            )
        limits = self.settings.limits
        with (
            self.store.using_key(client, key),
            self.store.receiving() as folder,
            self._receiver.admitted(folder),
        ):
            if self.store.with_key(client, key) is None:
                self.check_room()
            received = await receive_photos(
                request, self._receiver, folder, limits.photos, limits.photo_bytes, self.settings.body_timeout
            )
            if (there := self.store.with_key(client, key, received.digest)) is not None:
                return there, True
            record = await self._accepted(received, client, key)
            self.check_room()
            self.store.add(record, folder)
        self.runner.submit(record)
        self._changed(record)
        return record, False

    def check_room(self) -> None:
        """Raise a 429 Problem where no more adaptations are taken."""
        waiting = sum(record.state not in ENDED for record in self.store)
        if waiting >= self.settings.limits.adaptations:
            raise Problem(
                429, "queue-full", f"{waiting} adaptations are waiting; try again later.", retry_after=60
            )
        if len(self.store) >= self.settings.limits.kept_jobs:
            raise Problem(429, "too-many-adaptations", "Remove some adaptations first.", retry_after=60)

    async def _accepted(self, received: ReceivedPhotos, client: str, key: str | None) -> AdaptationRecord:
        options = self._settled(parse_adaptation_options(received.options))
        digest = received.digest
        if not received.files:
            raise Problem(415, "not-an-image", "None of the files is an image that wildsr reads.")
        files = await self._readable(received)
        photos = sum(one.kind == "photo" for one in files)
        if photos < FEWEST_PHOTOS:
            more = f" Not used: {'; '.join(received.left_out[:5])}." if received.left_out else ""
            raise Problem(
                422,
                "too-few-photos",
                f"{photos} {'photo was' if photos == 1 else 'photos were'} received; at least {FEWEST_PHOTOS} are "
                f"needed, and 30 or more are better. Add photos of the same camera as they come from it.{more}",
            )
        size = sum(one.size for one in files)
        return AdaptationRecord(
            id=secrets.token_urlsafe(12),
            client=client,
            options=options.model_dump(),
            photos=photos,
            sharp=len(files) - photos,
            photo_bytes=size,
            created=time.time(),
            left_out=received.left_out,
            disk=size,
            key=key,
            digest=digest,
        )

    def _settled(self, options: AdaptationOptions) -> AdaptationOptions:
        """``options`` with the name of a model that is here. Raises a 422 Problem for any other."""
        if options.model is None:
            return options
        return options.model_copy(update={"model": settled_name(options.model)})

    async def _readable(self, received: ReceivedPhotos) -> list[ReceivedFile]:
        """The files whose headers can be read; the others are deleted and listed."""
        kept: list[ReceivedFile] = []
        broken = 0
        for one in received.files:
            try:
                await self._check(one.path, one.name)
            except Problem as problem:
                broken += 1
                if broken >= _MOST_BROKEN and not kept:
                    raise
                one.path.unlink(missing_ok=True)
                received.left_out.append(
                    problem.detail if one.name in problem.detail else f"{one.name}: {problem.detail}"
                )
            else:
                kept.append(one)
        return kept

    async def retry(self, record: AdaptationRecord, changes: AdaptationChanges) -> None:
        """Run an adaptation again that has ended; it continues from what it has done. Raises 409 and 429 Problems."""
        if record.state not in ENDED:
            raise Problem(409, "not-ended", f"The adaptation is {record.state}; cancel it first.")
        self.check_room()
        given = changes.model_dump(exclude_none=True)
        if "only" in given and given["only"] != record.options["only"]:
            self.store.forget_work(record)
            record.losses, record.gain, record.samples = {}, [], []
        record.options = {**record.options, **given}
        record.state, record.started, record.ended = "queued", None, None
        record.reason, record.outcome, record.attempts, record.cameras = None, None, 0, {}
        self.store.save(record)
        self.runner.submit(record)
        self._changed(record)

    async def delete(self, record: AdaptationRecord) -> bool:
        """Cancel an adaptation that has not ended, and return True; remove it with its files otherwise."""
        if record.state not in ENDED:
            await self.runner.cancel(record)
            return True
        self.remove(record)
        return False

    def remove(self, record: AdaptationRecord) -> None:
        """Remove an adaptation that has ended."""
        self.store.remove(record)
        self._hub.publish(record.id, "adaptation-removed", {"id": record.id})

    def install(self, record: AdaptationRecord, name: str | None) -> None:
        """Copy the model into the models folder, so that jobs and commands can name it.

        Raises:
            Problem: 409 without a model or for a name that is taken, 507 where it cannot be written.
        """
        model = self.model_of(record)
        wanted = name or _free_name(record.camera or "")
        if wanted.lower() in _taken_names():
            raise Problem(
                409, "name-taken", f"There is a model named '{wanted}' already; choose another name."
            )
        folder = models_folder()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with replacing(folder / f"{wanted}.safetensors", overwrite=False) as new:
                new.write_bytes(model.read_bytes())
        except FileExistsError as error:
            raise Problem(409, "name-taken", f"There is a model named '{wanted}' already.") from error
        except OSError as error:
            raise Problem(507, "not-writable", f"The model cannot be stored: {error.strerror}.") from error
        record.installed = wanted
        self.store.save(record)
        self._changed(record)

    def model_of(self, record: AdaptationRecord) -> Path:
        """The file of the model. Raises a 409 Problem where there is none."""
        if record.outcome is None:
            raise Problem(409, "not-finished", f"The adaptation is {record.state}; it has no model yet.")
        if not record.outcome["model_written"]:
            raise Problem(409, "no-model", "No model was written, because it would not be better.")
        return self.store.model_of(record)

    def report_of(self, record: AdaptationRecord) -> Path:
        """The file of the report. Raises a 409 Problem where there is none."""
        if record.outcome is None:
            raise Problem(409, "not-finished", f"The adaptation is {record.state}; it has no report yet.")
        return self.store.report_of(record)

    # What happens by itself

    def sweep(self) -> None:
        """Remove adaptations whose time is over."""
        for record in self.store:
            if record.ended is not None and record.ended + self.settings.keep < time.time():
                with reported(f"remove the adaptation {record.id}"):
                    self.remove(record)

    def _changed(self, record: AdaptationRecord) -> None:
        self._hub.publish(record.id, "adaptation", self.view(record).model_dump(mode="json"))

    def _progressed(self, record: AdaptationRecord, news: dict[str, Any]) -> None:
        stage = self.view(record).stage
        shown = None if stage is None else stage.model_dump()
        self._hub.publish(record.id, "adaptation-progress", {"id": record.id, "stage": shown, **news})


def can_adapt() -> bool:
    """Whether the packages for training are installed."""
    return all(find_spec(name) is not None for name in _TRAINING)


def _taken_names() -> set[str]:
    return {name.lower() for name in (*EMBEDDED, *ALIASES, *PUBLISHED, *user_models(), *models())}


def _free_name(camera: str) -> str:
    """A name for the model of a camera that no other model has, such as ``pixel-7-x4``."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in camera.lower())
    words = "-".join(filter(None, plain.split("-"))) if camera != "unknown camera" else ""
    stem = f"{words[:40].strip('-') or 'my-camera'}-x4"
    taken, name, number = _taken_names(), stem, 2
    while name in taken:
        name, number = f"{stem}-{number}", number + 1
    return name
