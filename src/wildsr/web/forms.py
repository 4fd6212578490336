"""Multipart forms of files and options, parsed while they arrive."""

from collections.abc import Callable

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from wildsr.web.problems import Problem

_LONGEST_FIELD = 64 << 10
OPTIONS = "options"

OnFile = Callable[[str, str], Callable[[bytes], None]]
"""Called at the start of a file with the name of its part and of the file; returns what takes its bytes."""


class Form:
    """A multipart form: files, and a part 'options' with JSON.

    Attributes:
        options: content of the part 'options' so far.
        complete: whether the end of the form has arrived.
    """

    def __init__(
        self, boundary: bytes, most_parts: int, on_file: OnFile, on_file_end: Callable[[], None] | None = None
    ) -> None:
        if not boundary:
            raise Problem(400, "multipart", "The Content-Type has no boundary.")
        self.options = b""
        self.complete = False
        self._most_parts, self._on_file, self._on_file_end = most_parts, on_file, on_file_end
        self._count = 0
        self._name = self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._take: Callable[[bytes], None] | None = None
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._add_name,
                "on_header_value": self._add_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._add_data,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )

    def feed(self, data: bytes) -> None:
        """Parse the next bytes. Raises a Problem for a malformed form and for too many or too long parts."""
        try:
            self._parser.write(data)
        except (FormParserError, UnicodeDecodeError) as error:
            raise _malformed(error) from error

    def finish(self) -> None:
        """End of the request. Raises a Problem if the form is malformed."""
        try:
            self._parser.finalize()
        except FormParserError as error:
            raise _malformed(error) from error

    def _begin_part(self) -> None:
        self._count += 1
        self._headers = {}
        self._take = None
        if self._count > self._most_parts:
            raise Problem(422, "too-many-parts", f"The form has more than {self._most_parts} parts.")

    def _add_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _end_headers(self) -> None:
        _, values = parse_options_header(self._headers.get(b"content-disposition", b""))
        part = values.get(b"name", b"").decode("utf-8", "replace")
        if part != OPTIONS:
            # Browsers escape a quotation mark like this, and nothing else that a name may keep.
            file = values.get(b"filename", b"").decode("utf-8", "replace").replace("%22", '"')
            self._take = self._on_file(part, file)

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._take is not None:
            self._take(data[start:end])
            return
        self.options += data[start:end]
        if len(self.options) > _LONGEST_FIELD:
            raise Problem(413, "options-too-large", "The options are too long.")

    def _end_part(self) -> None:
        if self._take is not None and self._on_file_end is not None:
            self._on_file_end()

    def _end(self) -> None:
        self.complete = True


def _malformed(error: Exception) -> Problem:
    return Problem(400, "multipart", f"The multipart body makes no sense: {error}.")
